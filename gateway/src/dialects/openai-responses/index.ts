import type { Dialect } from "../dialect.ts";
import { decoder } from "./decoder.ts";
import { encoder } from "./encoder.ts";
import { readError, writeError } from "./errors.ts";
import { follower } from "./follower.ts";
import { readEcho, readHead } from "./head.ts";
import { readRequest } from "./read-request.ts";
import { readResponse } from "./read-response.ts";
import { writeRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";

/** OpenAI Responses (`POST /v1/responses`), the only format that Codex speaks. */
export const openaiResponses: Dialect = {
  id: "openai-responses",
  client: {
    id: "openai-responses",
    readHead,
    readEcho,
    readRequest,
    writeResponse,
    encoder,
    follower,
    writeError,
  },
  upstream: {
    id: "openai-responses",
    writeRequest,
    readResponse,
    decoder,
    readError,
  },
};
