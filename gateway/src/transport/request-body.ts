import type { Socket } from "node:net";
import type { ByteSupply } from "../relay/ports.ts";

/** Up to this size it is cheaper to copy head and body together than to have the system gather them. */
const COPIED_BYTES_MAX = 16_384;

export function bytesOf(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.byteLength;
  return bytes;
}

/** Sends a request whose body is there, in one write to the system. */
export function writePieces(socket: Socket, head: string, pieces: readonly Uint8Array[]): void {
  const bytes = bytesOf(pieces);
  if (bytes > COPIED_BYTES_MAX) {
    socket.cork();
    socket.write(head, "latin1");
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
    return;
  }
  const request = Buffer.allocUnsafe(head.length + bytes);
  let at = request.write(head, "latin1");
  for (const piece of pieces) {
    request.set(piece, at);
    at += piece.byteLength;
  }
  socket.write(request);
}

/**
 * Sends a request whose body is asked for piece by piece, each when the one before has left. False where it broke off or is not
 * as long as it was said to be: then the connection has to be cut, so that the provider never sees an end.
 */
export async function sendSupply(socket: Socket, head: string, supply: ByteSupply): Promise<boolean> {
  const { bytes } = supply;
  socket.write(head, "latin1");
  let sent = 0;
  for (;;) {
    const piece = await supply.read();
    if (socket.destroyed || !piece.ok) return false;
    if (piece.value === undefined) break;
    sent += piece.value.byteLength;
    if (bytes !== undefined && sent > bytes) return false;
    // An empty chunk would end the body (RFC 9112 §7.1).
    if (piece.value.byteLength > 0 && !write(socket, piece.value, bytes === undefined)) await drained(socket);
  }
  if (bytes === undefined) socket.write("0\r\n\r\n", "latin1");
  return bytes === undefined || sent === bytes;
}

function write(socket: Socket, piece: Uint8Array, isChunked: boolean): boolean {
  if (!isChunked) return socket.write(piece);
  socket.cork();
  socket.write(`${piece.byteLength.toString(16)}\r\n`, "latin1");
  socket.write(piece);
  const isFlowing = socket.write("\r\n", "latin1");
  socket.uncork();
  return isFlowing;
}

/** Until more can be written, or never will be. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}
