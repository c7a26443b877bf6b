import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { describe, test } from "node:test";
import fc from "fast-check";
import { requestHead, type RequestFraming } from "../../src/transport/request-head.ts";

type Headers = Readonly<Record<string, string>>;

type Asked = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Headers;
  readonly host?: string;
  readonly framing?: RequestFraming;
};

const HOST = "api.example";

function headOf({
  method = "GET",
  path = "/",
  headers = {},
  host = HOST,
  framing = "none",
}: Asked): string | undefined {
  return requestHead({ method, path, headers }, host, framing);
}

/** Whatever must stand in no line: it ends one, or does so when only its lower byte is sent, or confuses those who print it. */
const breakers: Readonly<Record<string, string>> = {
  "a line end": "\r\nx-evil: 1",
  "a carriage return": "\r",
  "a line feed": "\n",
  "a NUL": "\0",
  "a control character": "\x01",
  "a vertical tab": "\v",
  "an escape": "\x1b",
  "a delete": "\x7f",
  "U+010A, whose lower byte is a line feed": "\u010a",
  "U+010D, whose lower byte is a carriage return": "\u010d",
  "U+0100, whose lower byte is a NUL": "\u0100",
  "U+0120, whose lower byte is a blank": "\u0120",
  "U+013A, whose lower byte is a colon": "\u013a",
  "U+2028, a line end elsewhere": "\u2028",
  "a character of two units": "👋",
  "half a character": "\ud83d",
};

/** Where a string of the configuration or the client gets into a head. */
const places: Readonly<Record<string, (text: string) => Asked>> = {
  "the method": (text) => ({ method: text }),
  "the path": (text) => ({ path: `/${text}` }),
  "a header's name": (text) => ({ headers: { [`x${text}`]: "1" } }),
  "a header's value": (text) => ({ headers: { x: text } }),
  "the host header": (text) => ({ headers: { host: text } }),
};

for (const [place, put] of Object.entries(places)) {
  describe(`nothing is written of a request with this in ${place}`, () => {
    for (const [name, breaker] of Object.entries(breakers)) {
      test(name, () => {
        for (const text of [breaker, `a${breaker}`, `${breaker}a`, `a${breaker}b`]) {
          assert.equal(headOf(put(text)), undefined, JSON.stringify(text));
        }
      });
    }
  });
}

test("a path is one word that begins with a slash", () => {
  for (const path of ["/", "//", "/a?b=c#d", "/%20%0d%0a", "/a:b@c", "/~!$&'()*+,;="]) {
    assert.equal(headOf({ path })?.split("\r\n")[0], `GET ${path} HTTP/1.1`);
  }
  for (const path of ["", "a", "*", "?a", "http://a/", "/ ", " /", "/a b", "/a\tb", "/ HTTP/1.1"]) {
    assert.equal(headOf({ path }), undefined, JSON.stringify(path));
  }
});

// RFC 9112 §3.2, RFC 3986 §2; node's own server answers 400.
test("a path is ASCII", () => {
  for (const path of ["/\x80", "/\xe9", "/a?b=\xff", "/\xa0"]) {
    assert.equal(headOf({ path }), undefined, JSON.stringify(path));
  }
});

test("a method is capital letters", () => {
  for (const method of ["GET", "POST", "DELETE", "PATCH", "HEAD", "X"]) {
    assert.equal(headOf({ method })?.split("\r\n")[0], `${method} / HTTP/1.1`);
  }
  for (const method of ["", "get", "Get", "GET ", " GET", "GET /", "GET / HTTP/1.1", "É"]) {
    assert.equal(headOf({ method }), undefined, JSON.stringify(method));
  }
});

test("a name is a token", () => {
  assert.match(headOf({ headers: { "!#$%&'*+-.^_`|~09AZaz": "1" } }) ?? "", /\r\n!#\$%&'\*\+-\.\^_`\|~09AZaz: 1\r\n/);
  for (const sign of '()<>@,;:\\"/[]?={} \t\xe9\xa0') {
    for (const name of [sign, `a${sign}`, `${sign}a`, `a${sign}b`]) {
      assert.equal(headOf({ headers: { [name]: "1" } }), undefined, JSON.stringify(name));
    }
  }
  assert.equal(headOf({ headers: { "": "1" } }), undefined);
});

test("names that objects have by nature are names like others", () => {
  const headers = JSON.parse('{"__proto__":"1","constructor":"2"}') as Headers;
  assert.match(headOf({ headers }) ?? "", /\r\n__proto__: 1\r\nconstructor: 2\r\n\r\n$/);
});

test("values may be anything else: nothing, blanks, tabs, bytes above 127", () => {
  for (const value of ["", " ", "a b\tc", ":", "a: b", "\x80\xe9\xff", "\xa0"]) {
    assert.ok(headOf({ headers: { x: value } })?.includes(`\r\nx: ${value}\r\n`), JSON.stringify(value));
  }
});

test("the head is exactly what was asked for, and the framing", () => {
  const asked: Asked = { method: "POST", path: "/v1/x?y=1", headers: { "x-api-key": "k", accept: "a/b" } };
  const lines =
    "POST /v1/x?y=1 HTTP/1.1\r\nhost: api.example\r\nconnection: keep-alive\r\nx-api-key: k\r\naccept: a/b\r\n";
  assert.equal(headOf(asked), `${lines}\r\n`);
  assert.equal(headOf({ ...asked, framing: 0 }), `${lines}content-length: 0\r\n\r\n`);
  assert.equal(headOf({ ...asked, framing: 12_345 }), `${lines}content-length: 12345\r\n\r\n`);
  assert.equal(headOf({ ...asked, framing: "chunked" }), `${lines}transfer-encoding: chunked\r\n\r\n`);
});

test("the host is that of the origin, unless a header says another", () => {
  assert.match(headOf({ host: "a.example:8443" }) ?? "", /^GET \/ HTTP\/1\.1\r\nhost: a\.example:8443\r\n/);
  assert.match(headOf({ host: "[::1]:80" }) ?? "", /\r\nhost: \[::1\]:80\r\n/);
  const head = headOf({ headers: { a: "1", host: "other.example" } });
  assert.equal(head, "GET / HTTP/1.1\r\nhost: other.example\r\nconnection: keep-alive\r\na: 1\r\n\r\n");
});

/** What delimits a request and what concerns its connection only. */
const OWN_NAMES = [
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

for (const name of OWN_NAMES) {
  test(`${name} is not taken from a configuration`, () => {
    for (const framing of ["none", 3, "chunked"] as const) {
      const without = headOf({ headers: { a: "1" }, framing });
      for (const value of ["", "3", "chunked", "close", "100-continue", "\r\n"]) {
        assert.equal(headOf({ headers: { [name]: value, a: "1" }, framing }), without);
      }
    }
  });
}

for (const name of ["Connection", "Content-Length", "Transfer-Encoding", "EXPECT"]) {
  test(`nor is ${name}`, () => {
    for (const framing of ["none", 3, "chunked"] as const) {
      const head = headOf({ headers: { [name]: "5" }, framing });
      if (head !== undefined) assert.deepEqual(named(head, name), named(headOf({ framing }) ?? "", name));
    }
  });
}

test("there is one host, however its name is written", () => {
  for (const headers of [{ Host: "b.example" }, { HOST: "b.example", host: "c.example" }]) {
    const head = headOf({ headers });
    if (head !== undefined) assert.equal(named(head, "host").length, 1);
  }
});

/** The values of a header, in whatever case its name stands. */
function named(head: string, name: string): string[] {
  return split(head).headers.flatMap(([each, value]) => (each.toLowerCase() === name.toLowerCase() ? [value] : []));
}

test("more names than are remembered are still told apart", () => {
  for (let count = 0; count < 2_500; count += 1) {
    const name = `x-${count}`;
    assert.ok(headOf({ headers: { [name]: "1" } })?.includes(`\r\n${name}: 1\r\n`));
    assert.equal(headOf({ headers: { [`${name} `]: "1" } }), undefined);
  }
});

type Split = {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
};

/** Reads a head in the strictest way: lines end in CRLF, names are tokens, the blanks around a value are not part of it. */
function split(head: string): Split {
  const bytes = Buffer.from(head, "latin1");
  assert.equal(bytes.toString("latin1"), head, "a character is more than a byte");
  assert.ok(head.endsWith("\r\n\r\n"));
  const [first = "", ...lines] = head.slice(0, -4).split("\r\n");
  for (const line of [first, ...lines]) assert.doesNotMatch(line, /[\r\n\0]|^$/);
  const [method = "", target = "", version, ...more] = first.split(" ");
  assert.deepEqual([version, more], ["HTTP/1.1", []]);
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    assert.match(name, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
    return [name, trimmed(line.slice(colon + 1))] as const;
  });
  return { method, target, headers };
}

function trimmed(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, "");
}

/** What a reader has to find in a head, if there is one. */
function expected({ method = "", path = "", headers = {}, framing = "none" }: Asked): Split {
  const others = Object.entries(headers).filter(([name]) => name !== "host" && !OWN_NAMES.includes(name));
  const length = typeof framing === "number" ? [["content-length", String(framing)] as const] : [];
  const coding = framing === "chunked" ? [["transfer-encoding", "chunked"] as const] : [];
  return {
    method,
    target: path,
    headers: [
      ["host", trimmed(headers["host"] ?? HOST)],
      ["connection", "keep-alive"],
      ...others.map(([name, value]) => [name, trimmed(value)] as const),
      ...length,
      ...coding,
    ],
  };
}

const harmless = fc.constantFrom("a", "B", "0", "-", "/", "?", "%0d", "=");
const anything = fc.oneof(
  fc.constantFrom(" ", "\t", ":", ",", "\r", "\n", "\r\n", "\0", "\x7f", "\x85", "\xa0", "\xff", "(", '"'),
  fc.constantFrom(...Object.values(breakers)),
  fc.string({ unit: "binary", maxLength: 2 }),
);
const text = fc
  .array(fc.oneof({ arbitrary: harmless, weight: 30 }, { arbitrary: anything, weight: 1 }), { maxLength: 8 })
  .map((parts) => parts.join(""));
const name = fc.oneof(
  { arbitrary: text, weight: 2 },
  { arbitrary: fc.constantFrom("accept", "x-api-key", "host", "cookie", "__proto__", ...OWN_NAMES), weight: 3 },
);
const asked: fc.Arbitrary<Asked> = fc.record({
  method: fc.oneof({ arbitrary: fc.constantFrom("GET", "POST"), weight: 20 }, { arbitrary: text, weight: 1 }),
  path: text.map((path) => `/${path}`),
  headers: fc.array(fc.tuple(name, text), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs)),
  framing: fc.constantFrom<RequestFraming>("none", "chunked", 0, 17),
});

test("whatever it is given, a head is read as exactly what was given, or there is none", () => {
  const counts = { written: 0, refused: 0 };
  fc.assert(
    fc.property(asked, (given) => {
      const head = headOf(given);
      if (head === undefined) {
        counts.refused += 1;
        return;
      }
      counts.written += 1;
      assert.deepEqual(split(head), expected(given));
    }),
    { numRuns: 3_000 },
  );
  assert.ok(counts.written > 300 && counts.refused > 300, JSON.stringify(counts));
});

/** What node's own server makes of a head. */
function readByNode(head: string): Promise<Split | string> {
  return new Promise((resolve) => {
    const server = createServer((request: IncomingMessage) => {
      socket.destroy();
      const { method = "", url = "", rawHeaders } = request;
      const headers = rawHeaders.flatMap((each, index) =>
        index % 2 === 0 ? [[each, rawHeaders[index + 1] ?? ""] as const] : [],
      );
      resolve({ method, target: url, headers });
    });
    server.on("clientError", (error) => resolve(error.message));
    const socket = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() });
    server.emit("connection", socket);
    socket.push(Buffer.from(head, "latin1"));
  });
}

test("node's own server reads the same", async () => {
  await fc.assert(
    fc.asyncProperty(asked, async (random) => {
      // It knows few methods; that a path is ASCII is tested above.
      const given = { ...random, method: "POST", path: random.path?.replace(/[\x80-\xff]/g, "") ?? "/" };
      const head = headOf(given);
      if (head !== undefined) assert.deepEqual(await readByNode(head), expected(given));
    }),
    { numRuns: 300 },
  );
});
