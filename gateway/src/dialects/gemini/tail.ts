import type { Failure } from "../../canonical/failure.ts";
import type { JsonObject } from "../../lib/json.ts";
import type { ClientContext, StreamTail } from "../dialect.ts";
import { errorBody } from "./errors.ts";

/**
 * Where a stream to a client stands: what its chunks have in common, and, for the JSON array, whether an element has gone out.
 * The encoder and the follower share it.
 */
export interface ChunkTail extends StreamTail {
  /** The answer's id and model, which every chunk repeats. The first of each counts. */
  know(responseId: string | undefined, modelVersion: string | undefined): void;
  /** Bytes of one chunk. */
  chunk(body: JsonObject): string;
  /** An element has gone out that we did not write. */
  sawElement(): void;
  /** The end of a stream that went well. */
  close(): string;
}

export function chunkTail(client: ClientContext): ChunkTail {
  const isArray = client.framing === "json-array";
  const state: TailState = {
    isArray,
    hasElements: false,
    isClosed: false,
    responseId: undefined,
    modelVersion: undefined,
  };
  return {
    know(responseId, modelVersion) {
      state.responseId ??= responseId === "" ? undefined : responseId;
      state.modelVersion ??= modelVersion === "" ? undefined : modelVersion;
    },
    chunk: (body) => frame(state, { ...body, ...identity(state) }),
    sawElement() {
      state.hasElements = true;
    },
    close() {
      if (!isArray || state.isClosed) return "";
      state.isClosed = true;
      return state.hasElements ? "]" : "[]";
    },
    failure(failure) {
      // It takes error chunks for success and prints nothing; a cut connection it notices (recorded with 0.61).
      if (client.agent === "gemini-cli") return undefined;
      return writeFailure(state, failure, client);
    },
    // Never an SSE comment: Gemini CLI and Google's older SDKs fail on them.
    keepAlive: () => (isArray ? " " : frame(state, { candidates: [emptyCandidate], ...identity(state) })),
  };
}

type TailState = {
  readonly isArray: boolean;
  hasElements: boolean;
  isClosed: boolean;
  responseId: string | undefined;
  modelVersion: string | undefined;
};

/** Text of no length: Google's SDK takes a chunk without a part for an invalid answer and forgets the whole turn. */
const emptyCandidate = { content: { parts: [{ text: "" }], role: "model" }, index: 0 };

function identity(state: TailState): JsonObject {
  const { modelVersion, responseId } = state;
  return {
    ...(modelVersion === undefined ? {} : { modelVersion }),
    ...(responseId === undefined ? {} : { responseId }),
  };
}

function writeFailure(state: TailState, failure: Failure, client: ClientContext): string {
  if (state.isClosed) return "";
  const text = frame(state, errorBody(failure, client));
  state.isClosed = true;
  return state.isArray ? `${text}]` : text;
}

/** One data line and nothing else in its block: Google's SDK drops blocks that begin otherwise. */
function frame(state: TailState, value: JsonObject): string {
  const json = singleLine(JSON.stringify(value));
  if (!state.isArray) return `data: ${json}\r\n\r\n`;
  const separator = state.hasElements ? ",\r\n" : "[";
  state.hasElements = true;
  return separator + json;
}

/** U+2028 and U+2029 are line ends to some parsers, and legal unescaped in JSON. */
function singleLine(json: string): string {
  return json.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
