const NAMES_MAX = 1_000;

/**
 * `decide` with a memory: what is asked of header names is asked of the same few with every request. Foreign ones must not fill
 * the memory, so it holds a thousand and no more; `undefined` is decided anew each time.
 */
export function remembered<T>(decide: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const decided = decide(name);
    if (decided !== undefined && known.size < NAMES_MAX) known.set(name, decided);
    return decided;
  };
}
