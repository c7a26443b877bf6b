import { crc32 } from "node:zlib";

/** A message of an AWS event stream with text headers, as AWS frames it. The checksums are zlib's. */
export function awsMessage(headers: Readonly<Record<string, string>>, payload: string): Buffer {
  const encoded = Object.entries(headers).map(([name, value]) => {
    const nameBytes = Buffer.from(name);
    const valueBytes = Buffer.from(value);
    const valueLength = Buffer.alloc(2);
    valueLength.writeUInt16BE(valueBytes.length);
    return Buffer.concat([Buffer.of(nameBytes.length), nameBytes, Buffer.of(7), valueLength, valueBytes]);
  });
  return sealMessage(Buffer.concat(encoded), Buffer.from(payload));
}

/** The same around headers in any form, broken ones too. */
export function sealMessage(headers: Buffer, payload: Buffer): Buffer {
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(16 + headers.length + payload.length, 0);
  prelude.writeUInt32BE(headers.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const unsealed = Buffer.concat([prelude, headers, payload]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(unsealed));
  return Buffer.concat([unsealed, checksum]);
}

/** An event as Bedrock sends it. */
export function awsEvent(type: string, payload: unknown): Buffer {
  const headers = { ":event-type": type, ":content-type": "application/json", ":message-type": "event" };
  return awsMessage(headers, JSON.stringify(payload));
}

/** An exception in place of an event. */
export function awsException(type: string, message: string): Buffer {
  const headers = { ":exception-type": type, ":content-type": "application/json", ":message-type": "exception" };
  return awsMessage(headers, JSON.stringify({ message }));
}
