/** Lines that wait for a place; beyond it the oldest are dropped and counted. */
export const WAITING_LINES_MAX = 10_000;

/** What is written at once: large enough that a write costs little per line, small enough to be dropped whole. */
const BLOCK_BYTES = 65_536;
const BLOCK_LINES_MAX = 250;
const UTF8_BYTES_PER_CHARACTER_MAX = 3;
const LINE_FEED = 0x0a;

/** So many are spelt in a row, by code that is then warm: one by one, between the steps of requests, each costs twice as much. */
const BATCH = 32;

/** Where lines go: standard output, a file, another process. */
export type LinePlace = {
  /** Takes whole lines as UTF-8. Asked again only after the promise has settled, and until then the bytes stay as they are; a rejection drops them. */
  readonly write: (lines: Uint8Array) => Promise<void>;
  /** Said in the same place where lines were dropped, so that a gap is never silent. */
  readonly droppedLine: (dropped: number) => string;
  /** Calls back soon: what comes in until then goes into one write. */
  readonly schedule: (run: () => void) => void;
};

type Block = { readonly bytes: Buffer; length: number; lines: number };

/**
 * A bounded queue before a slow or broken place: whoever has something to say hands it over and goes on. Lines become bytes soon,
 * outside the heap: as strings they would be copied by every collection until they are written.
 */
export class LineQueue<T> {
  readonly #toLine: (said: T) => string;
  readonly #place: LinePlace;
  #unspelt: T[] = [];
  /** Oldest first; the last is being filled. */
  #blocks: Block[] = [];
  #spare: Buffer | undefined;
  #waiting = 0;
  #dropped = 0;
  #isScheduled = false;
  #writing: Promise<void> | undefined;

  /** `toLine` ends a line with its line feed. */
  constructor(place: LinePlace, toLine: (said: T) => string) {
    this.#place = place;
    this.#toLine = toLine;
  }

  push(said: T): void {
    if (this.#unspelt.push(said) >= BATCH) this.#spell();
    this.#wake();
  }

  /** Whole lines that have been gathered elsewhere. */
  pushAll(lines: Uint8Array): void {
    this.#spell();
    const block = this.#blockWith(lines.length);
    block.bytes.set(lines, block.length);
    block.length += lines.length;
    this.#added(block, countLines(lines));
    this.#wake();
  }

  /** Resolves when nothing waits any more. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined || !this.#isEmpty()) {
      this.#drain();
      await this.#writing;
    }
  }

  #isEmpty(): boolean {
    return this.#unspelt.length === 0 && this.#blocks.length === 0;
  }

  #spell(): void {
    const unspelt = this.#unspelt;
    this.#unspelt = [];
    for (const said of unspelt) {
      const line = this.#toLine(said);
      const block = this.#blockWith(line.length * UTF8_BYTES_PER_CHARACTER_MAX);
      block.length += block.bytes.write(line, block.length);
      this.#added(block, 1);
    }
  }

  #blockWith(room: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.length + room <= last.bytes.length && last.lines < BLOCK_LINES_MAX) return last;
    const isUsual = room <= BLOCK_BYTES;
    const bytes =
      isUsual && this.#spare !== undefined ? this.#spare : Buffer.allocUnsafeSlow(Math.max(room, BLOCK_BYTES));
    if (bytes === this.#spare) this.#spare = undefined;
    const block = { bytes, length: 0, lines: 0 };
    this.#blocks.push(block);
    return block;
  }

  #added(block: Block, lines: number): void {
    block.lines += lines;
    this.#waiting += lines;
    while (this.#waiting > WAITING_LINES_MAX && this.#blocks.length > 1) this.#dropOldest();
  }

  #dropOldest(): void {
    const { lines = 0 } = this.#blocks.shift() ?? {};
    this.#waiting -= lines;
    this.#dropped += lines;
  }

  #wake(): void {
    if (this.#writing !== undefined || this.#isEmpty()) return;
    if (this.#blocks.length > 1) this.#drain();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#place.schedule(() => {
        this.#isScheduled = false;
        this.#drain();
      });
    }
  }

  #drain(): void {
    if (this.#writing !== undefined) return;
    if (this.#blocks.length <= 1) this.#spell();
    const block = this.#blocks.shift();
    if (block === undefined) return;
    this.#waiting -= block.lines;
    const dropped = this.#dropped;
    this.#dropped = 0;
    const lines = block.bytes.subarray(0, block.length);
    this.#writing = this.#place
      .write(dropped === 0 ? lines : Buffer.concat([Buffer.from(this.#place.droppedLine(dropped)), lines]))
      // A place that fails loses these lines and nothing else; that it lost them is said with the next ones.
      .catch(() => {
        this.#dropped += block.lines + dropped;
      })
      .then(() => {
        this.#writing = undefined;
        if (block.bytes.length === BLOCK_BYTES) this.#spare = block.bytes;
        this.#wake();
      });
  }
}

function countLines(lines: Uint8Array): number {
  let count = 0;
  for (let at = lines.indexOf(LINE_FEED); at >= 0; at = lines.indexOf(LINE_FEED, at + 1)) count += 1;
  return count;
}
