import type { Socket } from "node:net";

/**
 * Writes to streams leave for the system when the work at hand is done: those to one socket as one, and those to many sockets
 * in a row (see `TurnQueue`).
 */
export class WriteGathering {
  #sockets: Socket[] = [];
  readonly #flush = (): void => {
    const sockets = this.#sockets;
    this.#sockets = [];
    for (const socket of sockets) this.release(socket);
  };

  /** Holds what is written to this socket from now until the end of the running callback and its promises. */
  gather(socket: Socket): void {
    if (socket.writableCorked > 0) return;
    socket.cork();
    if (this.#sockets.length === 0) process.nextTick(this.#flush);
    this.#sockets.push(socket);
  }

  /** Lets go of what is held, at once. */
  release(socket: Socket): void {
    if (socket.writableCorked > 0) socket.uncork();
  }
}
