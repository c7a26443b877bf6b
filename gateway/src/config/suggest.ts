/** Names longer than this are not compared: nobody mistypes a name into something 64 characters long. */
const LENGTH_MAX = 64;

/** The number of single-character edits (insert, delete, replace, swap of neighbours) between two texts. */
export function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, at(beforePrevious, column - 2) + 1);
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, right.length);
}

/** The candidate that `written` was probably meant to be, or undefined when none is near. Case and `-`/`_` do not count. */
export function closest(written: string, candidates: Iterable<string>): string | undefined {
  if (written.length > LENGTH_MAX) return undefined;
  const wanted = normalise(written);
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const known = normalise(candidate);
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, known.length) / 3));
    const edits = editDistance(wanted, known);
    const isBeginning = wanted.length >= 4 && (known.startsWith(wanted) || wanted.startsWith(known));
    const distance = isBeginning ? Math.min(edits, limit) : edits;
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}

function normalise(name: string): string {
  return name.toLowerCase().replace(/[-_.]/g, "");
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
