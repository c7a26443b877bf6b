import { STATUS_CODES } from "node:http";
import type { Failure } from "../canonical/failure.ts";
import { failureStatus } from "../canonical/failure.ts";
import { compact } from "../lib/json.ts";
import type { Headers } from "../relay/ports.ts";

/** An answer of the edge itself, before anything is known of the request's format: in OpenAI's shape, which most clients read. */
export type EdgeError = { readonly status: number; readonly headers: Headers; readonly body: string };

/** Says a failure that no handler has seen. 4xx and 5xx alike carry the headers that every error of the gateway has. */
export function edgeError(failure: Failure, requestId: string): EdgeError {
  const status = failureStatus(failure);
  const error = {
    message: `${failure.message} (request ${requestId})`,
    type: status < 500 ? "invalid_request_error" : "server_error",
    param: null,
    code: failure.code,
  };
  return {
    status,
    headers: compact({
      "content-type": "application/json",
      "x-request-id": requestId,
      "x-dragoman-error-code": failure.code,
      // The same bytes again meet the same refusal; only slowness may pass.
      "x-should-retry": status === 408 ? "true" : "false",
      allow: failure.allow?.join(", "),
    }),
    body: JSON.stringify({ error }),
  };
}

/** The same as bytes, for a connection on which node has no response to write with. Always the last thing on it. */
export function edgeErrorMessage(error: EdgeError, more: Headers = {}): string {
  const headers = {
    ...error.headers,
    ...more,
    "content-length": String(Buffer.byteLength(error.body)),
    connection: "close",
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}\r\n`,
  );
  return `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}\r\n${lines.join("")}\r\n${error.body}`;
}
