import assert from "node:assert/strict";
import { ResponseReader, type ResponseProblem } from "../../src/framing/http-response.ts";
import { slicings } from "../support/slicing.ts";

/** What a reader made of the bytes of a connection that has ended after them. */
export type ReadAnswer = {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** One byte a character. */
  readonly body: string;
  /** By its own delimiters, by the end of the connection, or not at all. */
  readonly ended: "itself" | "with the connection" | "never";
  /** As it was when the bytes were read. */
  readonly isReusable: boolean;
  readonly problem: ResponseProblem | undefined;
};

export type ReadOptions = { readonly method?: string | undefined; readonly headBytesMax?: number | undefined };

const READ_BYTES = 65_536;
const HEAD_BYTES_MAX = 65_536;

/**
 * Reads the pieces one after the other out of the same memory, which is overwritten after each of them, as a connection does it.
 * Whatever the reader keeps or gives away without copying it comes out wrong.
 */
export function readAnswer(pieces: Iterable<Uint8Array>, options: ReadOptions = {}): ReadAnswer {
  const reader = new ResponseReader(options.headBytesMax ?? HEAD_BYTES_MAX);
  reader.expect(options.method ?? "POST");
  const memory = Buffer.alloc(READ_BYTES);
  const bodies: Uint8Array[] = [];
  const heads: { readonly status: number; readonly headers: ReadAnswer["headers"] }[] = [];
  let ends = 0;
  let problem: ResponseProblem | undefined;
  for (const piece of pieces) {
    memory.set(piece);
    const read = reader.push(memory.subarray(0, piece.length));
    memory.fill("!", 0, piece.length);
    if (read.head !== undefined) heads.push(read.head);
    if (read.body !== undefined) bodies.push(read.body);
    if (read.ended) ends += 1;
    problem = read.problem;
    if (problem !== undefined) break;
  }
  assert.ok(heads.length <= 1 && ends <= 1, `${heads.length} heads and ${ends} ends of one answer`);
  assert.ok(bodies.every((body) => body.length > 0));
  const { isReusable } = reader;
  let ended: ReadAnswer["ended"] = ends > 0 ? "itself" : "never";
  if (ends === 0 && problem === undefined) {
    if (reader.end() === "complete") ended = "with the connection";
    else problem = "cut";
  }
  const body = Buffer.concat(bodies).toString("latin1");
  return { status: heads[0]?.status, headers: { ...heads[0]?.headers }, body, ended, isReusable, problem };
}

/** Reads an answer whole and cut in every way, which must make no difference, and returns what it was read as. */
export function readHoweverCut(text: string, options: ReadOptions = {}): ReadAnswer {
  const bytes = Buffer.from(text, "latin1");
  const whole = readAnswer([bytes], options);
  for (const pieces of slicings(bytes, 1)) {
    const lengths = () => pieces.map((piece) => piece.length).join("+");
    const read = readAnswer(pieces, options);
    if (!isSame(read, whole)) assert.deepEqual(read, whole, `cut into ${lengths()}`);
  }
  return whole;
}

/** Quicker than a deep comparison, of which there would be thousands. */
function isSame(left: ReadAnswer, right: ReadAnswer): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
