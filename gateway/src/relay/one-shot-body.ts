import type { Dispatcher } from "undici";
import type { ByteSupply } from "./ports.ts";

export type UndiciBody = NonNullable<Dispatcher.DispatchOptions["body"]>;

/**
 * A request body that can be read once and forgets its pieces as they are sent. undici holds on to the body it was given
 * until the answer has ended, which for a stream is minutes; of this one, only an empty shell is left by then.
 */
export function oneShotBody(pieces: readonly Uint8Array[]): { readonly body: UndiciBody; readonly drop: () => void } {
  const iterator = new OneShot(pieces);
  // undici documents and handles iterables, but its types do not list them. A Readable would cost a third more CPU per call.
  return { body: iterator as unknown as UndiciBody, drop: () => iterator.return() };
}

class OneShot implements IterableIterator<Uint8Array> {
  #pieces: readonly Uint8Array[] | undefined;
  #next = 0;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Uint8Array> {
    const piece = this.#pieces?.[this.#next];
    if (piece === undefined) return this.return();
    this.#next += 1;
    return { done: false, value: piece };
  }

  return(): IteratorResult<Uint8Array> {
    this.#pieces = undefined;
    return { done: true, value: undefined };
  }
}

/** A request body that undici asks for piece by piece, each when the one before has left. */
export function suppliedBody(supply: ByteSupply): { readonly body: UndiciBody; readonly drop: () => void } {
  const iterator = new Supplied(supply);
  return { body: iterator as unknown as UndiciBody, drop: () => iterator.drop() };
}

/** Why a body ended before its end. undici then cuts the connection; who made the supply has said more. */
class BodyBrokenError extends Error {
  override readonly name = "BodyBrokenError";
}

class Supplied implements AsyncIterableIterator<Uint8Array> {
  #supply: ByteSupply | undefined;

  constructor(supply: ByteSupply) {
    this.#supply = supply;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const piece = await this.#supply?.read();
    // Thrown, because answering "done" would end the body, and half of it would look like the whole.
    if (this.#supply === undefined || piece === undefined || !piece.ok) throw new BodyBrokenError();
    return piece.value === undefined ? { done: true, value: undefined } : { done: false, value: piece.value };
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.drop();
    return Promise.resolve({ done: true, value: undefined });
  }

  drop(): void {
    const supply = this.#supply;
    this.#supply = undefined;
    supply?.drop();
  }
}
