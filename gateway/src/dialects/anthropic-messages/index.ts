import type { Dialect } from "../dialect.ts";
import { decoder } from "./decoder.ts";
import { encoder } from "./encoder.ts";
import { readError, writeError } from "./errors.ts";
import { follower } from "./follower.ts";
import { readEcho, readHead } from "./head.ts";
import { readRequest } from "./read-request.ts";
import { readResponse } from "./read-response.ts";
import { summarise } from "./summarise.ts";
import { writeRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";

/** Anthropic's Messages API, versions 2023-06-01 and 2026-10-21, with the betas that its official SDK 1.10 knows. */
export const anthropicMessages: Dialect = {
  id: "anthropic-messages",
  client: {
    id: "anthropic-messages",
    readHead,
    readEcho,
    readRequest,
    writeResponse,
    encoder,
    follower,
    writeError,
  },
  upstream: { id: "anthropic-messages", writeRequest, readResponse, summarise, decoder, readError },
};
