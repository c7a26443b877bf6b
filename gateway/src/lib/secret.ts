/**
 * A credential. It prints as `***` wherever it is logged, serialised or interpolated by mistake; `reveal()` is the only way
 * to the value, so that a search for it lists every place where a secret leaves the process.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }

  // What `util.inspect` and therefore every logger asks; the symbol is registered, so no import of node:util is needed.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "***";
  }
}
