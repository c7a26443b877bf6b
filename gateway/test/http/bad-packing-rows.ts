import { gzipSync } from "node:zlib";
import { BOUNDARY, formBody, type FormPart } from "../support/form.ts";
import {
  BODY_BYTES_MAX,
  CHAT,
  GEMINI,
  MESSAGES,
  RESPONSES,
  UPLOAD,
  chat,
  modelPart,
  type BadInput,
  type Post,
} from "./bad-input.ts";

const form = (parts: readonly FormPart[]): Pick<Post, "target" | "headers" | "body"> => ({
  target: UPLOAD,
  headers: { "content-type": `multipart/form-data; boundary=${BOUNDARY}` },
  body: formBody(parts),
});
const file: FormPart = { name: "file", filename: "a.wav", value: "sound" };

/** Bodies of which there is too much, which are packed, or which are forms. */
export const badPacking: readonly BadInput[] = [
  // Too much, or packed.
  {
    name: "more than the limit, announced",
    target: CHAT,
    body: "x".repeat(BODY_BYTES_MAX + 1),
    status: 413,
    code: "body_too_large",
  },
  {
    name: "more than the limit, in chunks",
    raw: `POST ${MESSAGES} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${(BODY_BYTES_MAX + 1).toString(16)}\r\n${"x".repeat(BODY_BYTES_MAX + 1)}\r\n0\r\n\r\n`,
    status: 413,
    code: "body_too_large",
    format: "anthropic",
  },
  {
    name: "a bomb",
    target: CHAT,
    headers: { "content-encoding": "gzip" },
    body: gzipSync(Buffer.alloc(150_000)),
    status: 415,
    code: "unsupported_encoding",
  },
  {
    name: "a bomb beyond the limit",
    target: GEMINI,
    headers: { "content-encoding": "gzip" },
    body: gzipSync(Buffer.alloc(50_000_000)),
    status: 413,
    code: "body_too_large",
  },
  {
    name: "two layers of compression",
    target: CHAT,
    headers: { "content-encoding": "gzip, gzip" },
    body: gzipSync(gzipSync(chat(""))),
    status: 415,
    code: "unsupported_encoding",
  },
  {
    name: "an unknown compression",
    target: MESSAGES,
    headers: { "content-encoding": "lzma" },
    body: "x",
    status: 415,
    code: "unsupported_encoding",
  },
  {
    name: "a compression that is none",
    target: CHAT,
    headers: { "content-encoding": "gzip" },
    body: chat(""),
    status: 400,
    code: "invalid_encoding",
  },
  {
    name: "half a compressed body",
    target: RESPONSES,
    headers: { "content-encoding": "gzip" },
    body: gzipSync(chat("")).subarray(0, 30),
    status: 400,
    code: "invalid_encoding",
  },

  // Forms.
  {
    name: "half a form",
    ...form([modelPart, file]),
    body: formBody([modelPart, file]).subarray(0, 150),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form without its end",
    ...form([]),
    body: formBody([modelPart, file]).subarray(0, -6),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form without a boundary",
    ...form([]),
    headers: { "content-type": "multipart/form-data" },
    body: formBody([modelPart]),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form of another boundary",
    ...form([]),
    body: formBody([modelPart], "other"),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form with two models",
    ...form([modelPart, file, { name: "model", value: "o" }]),
    status: 400,
    code: "duplicate_key",
  },
  { name: "a form without a model", ...form([file]), status: 400, code: "missing_parameter" },
  {
    name: "a form of 1,001 parts",
    ...form(Array.from({ length: 1_001 }, () => ({ name: "a", value: "" }))),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a part with 17 KiB of headers",
    ...form([{ name: "a", value: "", type: "x".repeat(17_000) }]),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form above the limit",
    ...form([{ ...file, value: "x".repeat(300_001) }, modelPart]),
    status: 413,
    code: "body_too_large",
  },
  {
    name: "a compressed form",
    ...form([]),
    headers: { ...form([]).headers, "content-encoding": "gzip" },
    body: gzipSync(formBody([modelPart])),
    status: 415,
    code: "unsupported_encoding",
  },
  {
    name: "a text where a form is taken",
    target: UPLOAD,
    headers: { "content-type": "text/plain" },
    body: "hello",
    status: 400,
    code: "invalid_form",
  },
];
