/** Lines that wait for a place; beyond it the oldest are dropped and counted. */
export const WAITING_LINES_MAX = 10_000;

/** What is written at once: large enough that a write costs little per line, small enough to be dropped whole. */
const BLOCK_BYTES = 65_536;
const BLOCK_LINES_MAX = 250;
const UTF8_BYTES_PER_CHARACTER_MAX = 3;
const LINE_FEED = 0x0a;

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
 * A bounded queue before a slow or broken place: whoever has a line hands it over and goes on. Lines become bytes at once,
 * outside the heap: as strings they would be copied by every collection until they are written.
 */
export class LineQueue {
  readonly #place: LinePlace;
  /** Oldest first; the last is being filled. */
  #blocks: Block[] = [];
  #spare: Buffer | undefined;
  #waiting = 0;
  #dropped = 0;
  #isScheduled = false;
  #writing: Promise<void> | undefined;

  constructor(place: LinePlace) {
    this.#place = place;
  }

  /** `line` ends with its line feed. */
  push(line: string): void {
    const block = this.#blockWith(line.length * UTF8_BYTES_PER_CHARACTER_MAX);
    block.length += block.bytes.write(line, block.length);
    this.#added(block, 1);
  }

  /** Whole lines that have been gathered elsewhere. */
  pushAll(lines: Uint8Array): void {
    const block = this.#blockWith(lines.length);
    block.bytes.set(lines, block.length);
    block.length += lines.length;
    this.#added(block, countLines(lines));
  }

  /** Resolves when nothing waits any more. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined || this.#blocks.length > 0) {
      this.#drain();
      await this.#writing;
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
    this.#wake();
  }

  #dropOldest(): void {
    const { lines = 0 } = this.#blocks.shift() ?? {};
    this.#waiting -= lines;
    this.#dropped += lines;
  }

  #wake(): void {
    if (this.#writing !== undefined || this.#blocks.length === 0) return;
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
