import { fail, ok, type Result } from "../lib/result.ts";

/** What a part of a form says of itself before its content. */
export type PartHead = {
  /** The field's name. */
  readonly name: string;
  /** Present on files only. */
  readonly filename: string | undefined;
  /** Of the part; "" where it names none. */
  readonly contentType: string;
};

/**
 * Reads a part's header block (RFC 7578 §4), without the blank line that ends it. Strict where readers disagree about what a
 * name is: a part must not be one field here and another one where it is sent. `error` is for the sender.
 */
export function readPartHead(block: string): Result<PartHead, string> {
  const fields = new Map<string, string>();
  for (const line of block.split("\r\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (colon <= 0 || !TOKEN.test(name) || CONTROL.test(line)) return fail("a part has a header that is none");
    if (fields.has(name)) return fail(`a part has the header "${name}" twice`);
    fields.set(name, line.slice(colon + 1).trim());
  }
  const disposition = fields.get("content-disposition");
  if (disposition === undefined) return fail("a part has no content-disposition");
  const coding = fields.get("content-transfer-encoding")?.toLowerCase() ?? "binary";
  if (!plainCodings.has(coding)) return fail(`a part is coded as ${coding}, which forms are not (RFC 7578 §4.7)`);
  const parameters = readParameters(disposition);
  const name = parameters?.get("name");
  if (parameters === undefined || name === undefined || parameters.has("name*")) {
    return fail("a part's content-disposition does not name its field");
  }
  return ok({ name, filename: parameters.get("filename"), contentType: fields.get("content-type") ?? "" });
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// oxlint-disable-next-line no-control-regex -- what is looked for: a bare line end would be one to other readers.
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;
const plainCodings = new Set(["7bit", "8bit", "binary"]);

const PARAMETER =
  /\s*;\s*(?<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"(?<quoted>(?:[^"\\]|\\[^])*)"|(?<bare>[^\s;"]+))\s*/y;

/** The parameters of `form-data; name="a"; filename="b"`; undefined when it is not of that shape, or names one twice. */
function readParameters(disposition: string): ReadonlyMap<string, string> | undefined {
  const type = /^form-data\s*(?=;)/i.exec(disposition)?.[0];
  if (type === undefined) return undefined;
  const parameters = new Map<string, string>();
  let position = type.length;
  while (position < disposition.length) {
    PARAMETER.lastIndex = position;
    const groups = PARAMETER.exec(disposition)?.groups;
    const name = groups?.["name"]?.toLowerCase();
    if (name === undefined || parameters.has(name)) return undefined;
    parameters.set(name, groups?.["bare"] ?? (groups?.["quoted"] ?? "").replaceAll(/\\([^])/g, "$1"));
    position = PARAMETER.lastIndex;
  }
  return parameters;
}

/**
 * The boundary of a form's content type; undefined when it is no form, or its boundary is none that RFC 2046 §5.1.1 allows.
 */
export function readBoundary(contentType: string): string | undefined {
  if (!/^multipart\/form-data\s*;/i.test(contentType)) return undefined;
  const found = [...contentType.matchAll(/;\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;"]+))/gi)];
  const [only] = found;
  const boundary = only?.[1] ?? only?.[2] ?? "";
  return found.length === 1 && BOUNDARY.test(boundary) ? boundary : undefined;
}

const BOUNDARY = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;
