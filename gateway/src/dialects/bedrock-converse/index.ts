import type { UpstreamDialect } from "../dialect.ts";
import { decoder } from "./decoder.ts";
import { readError } from "./errors.ts";
import { DIALECT } from "./read-blocks.ts";
import { readResponse } from "./read-response.ts";
import { writeRequest } from "./write-request.ts";

/** Amazon Bedrock's Converse and ConverseStream, as its SDK 3.1162 knows them. Only providers speak it. */
export const bedrockConverse: UpstreamDialect = { id: DIALECT, writeRequest, readResponse, decoder, readError };
