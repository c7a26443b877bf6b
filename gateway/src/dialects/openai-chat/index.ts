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

/** OpenAI Chat Completions (`POST /v1/chat/completions`), the format that most providers and clients share. */
export const openaiChat: Dialect = {
  id: "openai-chat",
  client: {
    id: "openai-chat",
    readHead,
    readEcho,
    readRequest,
    writeResponse,
    encoder,
    follower,
    writeError,
  },
  upstream: {
    id: "openai-chat",
    writeRequest,
    readResponse,
    summarise,
    decoder,
    readError,
  },
};
