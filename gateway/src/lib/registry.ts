/** A member knows its own place, which makes leaving as cheap as joining. `slot` is the registry's: -1 outside it. */
export type Registered = { slot: number };

/**
 * The things that are going on at the moment, joining and leaving all the time, in no order. A `Set` would do, but V8 keeps a
 * set's outgrown tables linked to the newer ones; with thousands of members a second passing through, dead tables in the old
 * generation keep every member alive until the next full collection.
 */
export class Registry<T extends Registered> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    if (member.slot < 0) member.slot = this.#members.push(member) - 1;
  }

  /** The last member takes the place of the one that leaves. */
  delete(member: T): void {
    if (member.slot < 0) return;
    const last = this.#members.pop();
    if (last !== undefined && last !== member) {
      last.slot = member.slot;
      this.#members[member.slot] = last;
    }
    member.slot = -1;
  }

  /** A copy, so that members may leave while it is walked. */
  all(): readonly T[] {
    return this.#members.slice();
  }
}
