import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Pool } from "undici";
import { systemClock } from "../../src/lib/clock.ts";
import { httpTransport } from "../../src/transport/http-transport.ts";
import { answerOf, type CallOutcome } from "../support/answer-of.ts";
import { oddAnswers, randomAnswer, type RandomAnswer } from "../support/random-answers.ts";
import { seededRandom } from "../support/random.ts";
import { startRawUpstream } from "../support/upstream.ts";

/*
 * An HTTP client that many use, as the oracle: an answer that ends for us has ended for it too, with the same status, headers and
 * body, and one that it refuses is refused. Where we are stricter, or it is wrong, a table says why.
 */

const RANDOM_ANSWERS = 600;
const HEAD_BYTES_MAX = 65_536;

/** Where it ends an answer and we do not. */
type Strictness = {
  readonly what: string;
  readonly why: string;
  /** What we say. */
  readonly detail: string;
  /** The answers that it explains. */
  readonly when: RegExp;
  readonly example: string;
};

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

const stricter: readonly Strictness[] = [
  {
    what: "a version that is neither 1.0 nor 1.1",
    why: "how the answer of another version is delimited is not known (RFC 9110 §2.5)",
    detail: "BAD_STATUS_LINE",
    when: /(?:^|\r\n)(?:HTTP\/(?:0\.9|2\.0)|RTSP\/1\.0) /,
    example: "HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
  },
  {
    what: "blank lines in front of an answer",
    why: "only servers are asked to overlook them (RFC 9112 §2.2); here they are the rest of something else",
    detail: "BAD_STATUS_LINE",
    when: /(?:^|\r\n\r\n)\r\n+HTTP/,
    example: `\r\n${OK}content-length: 0\r\n\r\n`,
  },
  {
    what: "control characters in a reason phrase",
    why: "the grammar has none (RFC 9112 §4), and a parser in C may end at a NUL",
    detail: "BAD_STATUS_LINE",
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for.
    when: /HTTP\/1\.[01] [1-9][0-9]{2} [^\r\n]*[\x00-\x08\x0b-\x1f\x7f]/,
    example: "HTTP/1.1 200 O\0K\r\ncontent-length: 0\r\n\r\n",
  },
  {
    what: "transfer codings other than chunked alone",
    why: "we undo none but chunks, and what is nearly `chunked` is chunked for one reader and not for another",
    detail: "BAD_TRANSFER_CODING",
    when: /transfer-encoding:(?![ \t]*chunked[ \t]*\r\n)/i,
    example: `${OK}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    what: "two transfer codings, each chunked",
    why: "chunked may be applied once only (RFC 9112 §7.1)",
    detail: "BAD_TRANSFER_CODING",
    when: /transfer-encoding:[^]*transfer-encoding:/i,
    example: `${OK}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    what: "a length beside any transfer coding",
    why: "the one is how an answer is smuggled past a reader of the other (RFC 9112 §6.3)",
    detail: "BAD_LENGTH",
    when: /(?=[^]*transfer-encoding:)(?=[^]*content-length:)/i,
    example: `${OK}transfer-encoding:\r\ncontent-length: 3\r\n\r\nabc`,
  },
  {
    what: "a length of more than 15 digits, zeros in front of it included",
    why: "more are not exact",
    detail: "BAD_LENGTH",
    when: /content-length:[ \t]*[0-9]{16}/i,
    example: `${OK}content-length: 0000000000000000\r\n\r\n`,
  },
  {
    what: "a chunk's size of more than 13 digits, zeros in front of it included",
    why: "more are not exact",
    detail: "BAD_CHUNK",
    when: /\n[0-9a-f]{14}/i,
    example: `${CHUNKED}00000000000003\r\nabc\r\n0\r\n\r\n`,
  },
  {
    what: "endless lines between chunks",
    why: "they are memory, and no provider has a use for them",
    detail: "BAD_CHUNK",
    when: /[^\n]{4096}/,
    example: `${CHUNKED}3;${"a".repeat(5_000)}\r\nabc\r\n0\r\n\r\n`,
  },
  {
    what: "more than a hundred trailers",
    why: "they are read over, so that nothing else would stop them",
    detail: "BAD_CHUNK",
    when: /\n0\r\n(?:[^\r\n]+\r\n){101}/,
    example: `${CHUNKED}0\r\n${"a: 1\r\n".repeat(101)}\r\n`,
  },
  {
    what: "more than a thousand interim answers",
    why: "they are passed over, so that nothing else would stop them",
    detail: "TOO_MANY_INTERIM_ANSWERS",
    when: /^(?:HTTP\/1\.[01] 1[^]*?\r\n\r\n){1001}/,
    example: `${"HTTP/1.1 102\r\n\r\n".repeat(1_001)}${OK}content-length: 0\r\n\r\n`,
  },
];

/** Where undici is wrong, so that it cannot be asked. */
type Mistake = {
  readonly what: string;
  readonly why: string;
  readonly when: RegExp;
  readonly example: string;
  /** As we read the example, and as the specification does. */
  readonly body: string;
};

const mistakes: readonly Mistake[] = [
  {
    what: "refuses 100 before the answer",
    why: "a client must be ready for it, also where it has not asked (RFC 9110 §15.2)",
    when: /(?:^|\n)HTTP\/1\.[01] 100(?: |\r)/,
    example: `HTTP/1.1 100 Continue\r\n\r\n${OK}content-length: 3\r\n\r\nabc`,
    body: "abc",
  },
  {
    what: "counts a blank behind a length as one of its digits",
    why: "white space around a value is not part of it (RFC 9110 §5.5)",
    when: /content-length:[^\r\n]*[ \t]\r/i,
    example: `${OK}content-length: 3 \r\n\r\nabc`,
    body: "abc",
  },
  {
    what: "does not see chunks where a tab stands behind `chunked`",
    why: "likewise: it gives away the chunks' sizes as part of the body",
    when: /transfer-encoding:[^\r\n]*\t[ \t]*\r/i,
    example: `${OK}transfer-encoding: chunked\t\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    body: "abc",
  },
  {
    what: "refuses blanks in a chunk's extensions",
    why: "they are bad and have to be read (RFC 9112 §7.1.1, RFC 9110 §5.6.3)",
    when: /\n[0-9a-f]+;[ \t]+\w+(?:[ \t]*=[ \t]*\w+)?\r\n/i,
    example: `${CHUNKED}3; a = b\r\nabc\r\n0\r\n\r\n`,
    body: "abc",
  },
  {
    what: "takes a trailer for a header that delimits the answer",
    why: "trailers say nothing of that (RFC 9110 §6.5.1), and we read over them",
    when: /\n0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*(?:content-length|transfer-encoding):/i,
    example: `${CHUNKED}3\r\nabc\r\n0\r\ncontent-length: 9\r\n\r\n`,
    body: "abc",
  },
];

let current = "";
const provider = await startRawUpstream((socket) => {
  socket.once("data", () => socket.end(current, "latin1"));
});
after(() => provider.close());

type Answer = Omit<CallOutcome, "error"> & { readonly error: string | undefined };

/** Each over connections of its own: what one answer does to its connection is not to meet the next. */
async function readByUs(method: string): Promise<Answer> {
  const transport = httpTransport(systemClock, { headBytesMax: HEAD_BYTES_MAX });
  const outcome = await answerOf(transport, { origin: provider.origin, method });
  await transport.close();
  return { ...outcome, error: outcome.error?.detail };
}

async function readByUndici(method: RandomAnswer["method"]): Promise<Answer> {
  const pool = new Pool(provider.origin, { connections: 1, maxHeaderSize: HEAD_BYTES_MAX });
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const pieces: Uint8Array[] = [];
  let status = 0;
  let headers: Answer["headers"] = [];
  const finish = (error?: string) => resolve({ status, headers, body: Buffer.concat(pieces), error });
  pool.dispatch(
    { method, path: "/" },
    {
      onRequestStart() {},
      onResponseStart(_controller, answered, named) {
        status = answered;
        headers = Object.entries(named).map(([name, value]) => [name, joined(value)]);
      },
      onResponseData: (_controller, bytes) => void pieces.push(bytes),
      onResponseEnd: () => finish(),
      onResponseError: (_controller, error) => finish(error.message),
    },
  );
  const outcome = await promise;
  await pool.destroy();
  return outcome;
}

/** It keeps the blanks behind a value. */
function joined(value: string | string[] | undefined): string {
  const values = Array.isArray(value) ? value : [value ?? ""];
  return values.map((each) => each.replace(/[ \t]+$/, "")).join(", ");
}

async function readByBoth({ method, text }: RandomAnswer): Promise<{ readonly ours: Answer; readonly theirs: Answer }> {
  current = text;
  const [ours, theirs] = await Promise.all([readByUs(method), readByUndici(method)]);
  return { ours, theirs };
}

type Verdict = "both ended" | "both failed" | "stricter" | "not comparable" | { readonly problem: string };

function compare({ text }: RandomAnswer, ours: Answer, theirs: Answer): Verdict {
  if (mistakes.some(({ when }) => when.test(text))) return "not comparable";
  if (ours.error !== undefined && theirs.error !== undefined) return "both failed";
  if (ours.error !== undefined) {
    const isExplained = stricter.some(({ when, detail }) => detail === ours.error && when.test(text));
    return isExplained ? "stricter" : { problem: `refused as ${ours.error}, and undici reads it` };
  }
  if (theirs.error !== undefined) return { problem: `read, and undici refuses it: ${theirs.error}` };
  const isSame = ours.status === theirs.status && ours.body.equals(theirs.body);
  if (isSame && JSON.stringify(ours.headers) === JSON.stringify(theirs.headers)) return "both ended";
  return { problem: `read as ${show(ours)}, and by undici as ${show(theirs)}` };
}

function show({ status, headers, body }: Answer): string {
  return JSON.stringify([status, headers, body.toString("latin1")]);
}

type Counts = Record<Exclude<Verdict, object>, number>;

/** Compares what both make of the answers. Fails with every difference that no table explains. */
async function check(answers: Iterable<RandomAnswer>): Promise<Counts> {
  const counts: Counts = { "both ended": 0, "both failed": 0, stricter: 0, "not comparable": 0 };
  const problems: string[] = [];
  for (const answer of answers) {
    const { ours, theirs } = await readByBoth(answer);
    const verdict = compare(answer, ours, theirs);
    if (typeof verdict === "string") counts[verdict] += 1;
    else problems.push(`${answer.method} ${JSON.stringify(answer.text)}: ${verdict.problem}`);
  }
  assert.deepEqual(problems, []);
  return counts;
}

test("parts that are nearly right are read as undici reads them, or refused", async () => {
  await check(oddAnswers());
});

test(`${RANDOM_ANSWERS} random answers are read as undici reads them, or refused`, async () => {
  const answers = Array.from({ length: RANDOM_ANSWERS }, (_, seed) => randomAnswer(seededRandom(seed)));
  const counts = await check(answers);
  // Or nothing has been compared.
  assert.ok(counts["both ended"] > RANDOM_ANSWERS / 3, JSON.stringify(counts));
  assert.ok(counts["both failed"] > RANDOM_ANSWERS / 10, JSON.stringify(counts));
});

describe("where we are stricter than undici", () => {
  for (const { what, why, detail, when, example } of stricter) {
    test(`${what}: ${why}`, async () => {
      const { ours, theirs } = await readByBoth({ method: "GET", text: example });
      assert.deepEqual([ours.error, theirs.error], [detail, undefined]);
      assert.match(example, when);
    });
  }
});

describe("where undici is wrong", () => {
  for (const { what, why, when, example, body } of mistakes) {
    test(`it ${what}; ${why}`, async () => {
      const { ours, theirs } = await readByBoth({ method: "GET", text: example });
      assert.deepEqual([ours.error, ours.body.toString()], [undefined, body]);
      assert.ok(theirs.error !== undefined || theirs.body.toString() !== body);
      assert.match(example, when);
    });
  }
});
