import type { Dialect } from "../dialect.ts";
import { decoder } from "./decoder.ts";
import { encoder } from "./encoder.ts";
import { writeError } from "./errors.ts";
import { follower } from "./follower.ts";
import { readEcho, readHead } from "./head.ts";
import { readError } from "./read-error.ts";
import { readRequest } from "./read-request.ts";
import { readResponse } from "./read-response.ts";
import { writeRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";

/** Google's `generateContent` and `streamGenerateContent`, as the Gemini API and Vertex AI speak it. */
export const gemini: Dialect = {
  id: "gemini",
  client: { id: "gemini", readHead, readEcho, readRequest, writeResponse, encoder, follower, writeError },
  upstream: { id: "gemini", writeRequest, readResponse, decoder, readError },
};
