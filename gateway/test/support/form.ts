/** A part of a form as a client writes it. */
export type FormPart = {
  readonly name: string;
  readonly value: Uint8Array | string;
  readonly filename?: string;
  readonly type?: string;
};

export const BOUNDARY = "----formBoundary7MA4YWxk";

/** `multipart/form-data` with these parts, in this order. */
export function formBody(parts: readonly FormPart[], boundary = BOUNDARY): Buffer {
  const written = parts.flatMap(({ name, value, filename, type }) => {
    const file = filename === undefined ? "" : `; filename="${filename}"`;
    const contentType = type === undefined ? "" : `\r\nContent-Type: ${type}`;
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}${contentType}\r\n\r\n`;
    return [Buffer.from(head), Buffer.from(value), Buffer.from("\r\n")];
  });
  return Buffer.concat([...written, Buffer.from(`--${boundary}--\r\n`)]);
}

export const formHeaders = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
