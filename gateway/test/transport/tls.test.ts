import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, before, describe, test } from "node:test";
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
  type TlsOptions,
} from "node:tls";
import { promisify } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import type { Transport } from "../../src/relay/ports.ts";
import { httpTransport } from "../../src/transport/http-transport.ts";
import { answerOf } from "../support/answer-of.ts";
import { authorityFile, certificate, certificateKey, type CertificateName } from "../support/tls/certificates.ts";
import { startRawUpstream } from "../support/upstream.ts";

before(() => setDefaultCACertificates([...getCACertificates("default"), certificate("ca")]));

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function open(): Transport {
  const transport = httpTransport(systemClock);
  closers.push(() => transport.close());
  return transport;
}

/** A handshake that was made, as the provider saw it. */
type Handshake = {
  readonly alpn: string | false | null;
  readonly protocol: string | null;
  readonly isResumed: boolean;
};

type TlsUpstream = {
  readonly origin: string;
  readonly handshakes: readonly Handshake[];
  /** The protocols that were offered, and the names that were told, one for each greeting. */
  readonly protocols: readonly (readonly string[])[];
  readonly names: readonly string[];
  /** What was sent, after decryption. */
  readonly received: () => string;
};

/** Answers the request of a target. */
type Script = (socket: Socket, target: string) => void;

const REQUEST_LINE = /^(?:GET|POST) ([^ ]+) HTTP\/1\.1\r\n/;

function script(socket: Socket, answer: Script): void {
  socket.on("data", (bytes: Buffer) => {
    const target = REQUEST_LINE.exec(bytes.toString("latin1"))?.[1];
    if (target !== undefined) answer(socket, target);
  });
}

type UpstreamOptions = TlsOptions & { readonly host?: string | undefined };

/** A provider behind TLS, at the address that its host stands for first. */
async function tlsUpstream(
  name: CertificateName,
  answer: Script,
  { host = "localhost", ...options }: UpstreamOptions = {},
): Promise<TlsUpstream> {
  const handshakes: Handshake[] = [];
  const protocols: string[][] = [];
  const names: string[] = [];
  const pieces: Buffer[] = [];
  const sockets = new Set<Socket>();
  const settings: TlsOptions = {
    key: certificateKey(),
    cert: certificate(name),
    ALPNCallback(offer) {
      protocols.push(offer.protocols);
      return offer.protocols[0];
    },
    SNICallback(servername, done) {
      names.push(servername);
      done(null);
    },
    ...options,
  };
  const server = createTlsServer(settings, (socket) => {
    const protocol = socket.getProtocol();
    handshakes.push({ alpn: socket.alpnProtocol, protocol, isResumed: socket.isSessionReused() });
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => pieces.push(bytes));
    script(socket, answer);
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  // A certificate that is refused ends here; the test sees it on its own side.
  server.on("tlsClientError", () => {});
  server.listen(0, host);
  await once(server, "listening");
  closers.push(async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  const received = () => Buffer.concat(pieces).toString("latin1");
  return { origin: `https://${host}:${port}`, handshakes, protocols, names, received };
}

const NO_TLS_RECORD = Buffer.alloc(64, "garbage ");
const OK = "HTTP/1.1 200 OK\r\n";
const say = (text: string): Script => {
  return (socket) => void socket.write(`${OK}content-length: ${text.length}\r\n\r\n${text}`);
};

const sayAndClose = (text: string): Script => {
  return (socket) => void socket.end(`${OK}content-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`);
};

test("a call over TLS is answered; the provider is told its name and the protocol", async () => {
  const body = `${"x".repeat(100_000)}!`;
  // An answer that comes before its request has been sent would cut it short.
  const sayAtEnd: Script = (socket) => {
    const check = () => provider.received().endsWith("!") && say("hello")(socket, "");
    if (check() === false) socket.on("data", check);
  };
  const provider = await tlsUpstream("localhost", sayAtEnd);
  const answer = await answerOf(open(), { origin: provider.origin, method: "POST", body: [Buffer.from(body)] });
  assert.deepEqual([answer.error, answer.status, answer.body.toString()], [undefined, 200, "hello"]);
  assert.deepEqual([provider.names, provider.protocols], [["localhost"], [["http/1.1"]]]);
  assert.deepEqual(provider.handshakes, [{ alpn: "http/1.1", protocol: "TLSv1.3", isResumed: false }]);
  assert.match(provider.received(), /^POST \/ HTTP\/1\.1\r\n[^]*\r\n\r\nx{100000}!$/);
});

test("an address is verified as an address, and sent as no name", async () => {
  const provider = await tlsUpstream("address", say("hello"), { host: "127.0.0.1" });
  const answer = await answerOf(open(), { origin: provider.origin });
  assert.deepEqual([answer.error, answer.body.toString()], [undefined, "hello"]);
  assert.deepEqual([provider.names, provider.handshakes.length], [[], 1]);
});

test("a connection is used again", async () => {
  const provider = await tlsUpstream("localhost", say("hello"));
  const transport = open();
  for (let count = 0; count < 3; count += 1) await answerOf(transport, { origin: provider.origin });
  assert.equal(provider.handshakes.length, 1);
});

for (const version of ["TLSv1.3", "TLSv1.2"] as const) {
  test(`the next connection resumes the session of the last (${version})`, async () => {
    const provider = await tlsUpstream("localhost", sayAndClose("hello"), { maxVersion: version });
    const transport = open();
    for (let count = 0; count < 3; count += 1) {
      const answer = await answerOf(transport, { origin: provider.origin });
      assert.deepEqual([answer.error, answer.body.toString()], [undefined, "hello"]);
    }
    const seen = provider.handshakes.map(({ protocol, isResumed }) => [protocol, isResumed]);
    assert.deepEqual(seen, [
      [version, false],
      [version, true],
      [version, true],
    ]);
  });
}

/** Three million bytes, no two of them at the same place in a read alike. */
const LARGE = Buffer.from(Uint32Array.from({ length: 750_000 }, (_, index) => index * 2_654_435_761).buffer);

const CHUNK_BYTES = 20_000;

const deliveries: Readonly<Record<string, (socket: Socket) => void>> = {
  "/length"(socket) {
    socket.write(`${OK}content-length: ${LARGE.length}\r\n\r\n`);
    socket.write(LARGE);
  },
  "/chunks"(socket) {
    socket.write(`${OK}transfer-encoding: chunked\r\n\r\n`);
    for (let at = 0; at < LARGE.length; at += CHUNK_BYTES) {
      socket.write(`${CHUNK_BYTES.toString(16)}\r\n`);
      socket.write(LARGE.subarray(at, at + CHUNK_BYTES));
      socket.write("\r\n");
    }
    socket.write("0\r\n\r\n");
  },
  "/until-close"(socket) {
    socket.write(`${OK}\r\n`);
    socket.end(LARGE);
  },
};
const deliver: Script = (socket, target) => deliveries[target]?.(socket);

describe("three megabytes arrive whole", () => {
  for (const path of Object.keys(deliveries)) {
    for (const pausing of [false, true]) {
      test(`${path.slice(1)}${pausing ? ", paused at every read" : ""}`, async () => {
        const { origin } = await tlsUpstream("localhost", deliver);
        const { error, body } = await answerOf(open(), { origin, path, pausing });
        assert.deepEqual([error, body.length], [undefined, LARGE.length]);
        assert.ok(body.equals(LARGE));
      });
    }
  }

  test("several at once, with TLS and without, paused or not, none with the bytes of another", async () => {
    const secure = await tlsUpstream("localhost", deliver);
    const plain = await startRawUpstream((socket) => script(socket, deliver));
    closers.push(() => plain.close());
    const transport = open();
    const answers = await Promise.all(
      [secure.origin, plain.origin].flatMap((origin) =>
        [false, true].map((pausing) => answerOf(transport, { origin, path: "/chunks", pausing })),
      ),
    );
    for (const { error, body } of answers) assert.deepEqual([error, body.equals(LARGE)], [undefined, true]);
  });
});

type Refusal = {
  readonly name: string;
  readonly certificate: CertificateName;
  readonly detail: string;
  readonly host?: string;
  readonly options?: TlsOptions;
};

const refusals: readonly Refusal[] = [
  { name: "a certificate for another name", certificate: "elsewhere", detail: "ERR_TLS_CERT_ALTNAME_INVALID" },
  {
    name: "a certificate for a name, at an address",
    certificate: "localhost",
    host: "127.0.0.1",
    detail: "ERR_TLS_CERT_ALTNAME_INVALID",
  },
  {
    name: "a certificate for an address, at a name",
    certificate: "address",
    detail: "ERR_TLS_CERT_ALTNAME_INVALID",
  },
  { name: "an unknown authority", certificate: "stranger", detail: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" },
  { name: "an expired certificate", certificate: "expired", detail: "CERT_HAS_EXPIRED" },
  { name: "a self-signed certificate", certificate: "self-signed", detail: "DEPTH_ZERO_SELF_SIGNED_CERT" },
  {
    name: "a version before 1.2",
    certificate: "localhost",
    options: { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
    detail: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
  },
  {
    name: "a provider that speaks HTTP/2 only",
    certificate: "localhost",
    options: { ALPNProtocols: ["h2"], ALPNCallback: undefined },
    detail: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
  },
];

test("an answer is heard before what breaks its connection in the same read", async () => {
  let isAnswering = false;
  const provider = await tlsUpstream(
    "address",
    (socket, target) => {
      isAnswering = true;
      say("hello")(socket, target);
    },
    { host: "127.0.0.1" },
  );
  const between = await startRawUpstream((client) => {
    const onward = connect(Number(new URL(provider.origin).port), "127.0.0.1");
    onward.on("error", () => {});
    client.pipe(onward);
    onward.on("data", (bytes: Buffer) => client.write(isAnswering ? Buffer.concat([bytes, NO_TLS_RECORD]) : bytes));
  });
  closers.push(() => between.close());
  const answer = await answerOf(open(), { origin: between.origin.replace("http:", "https:"), method: "GET" });
  assert.deepEqual([answer.error, answer.body.toString()], [undefined, "hello"]);
});

describe("refused as tls, with nothing sent", () => {
  for (const { name, certificate: file, detail, host, options } of refusals) {
    for (const version of options === undefined ? (["TLSv1.3", "TLSv1.2"] as const) : [undefined]) {
      test(`${name}${version === undefined ? "" : ` (${version})`}`, async () => {
        const atMost = version === undefined ? {} : { maxVersion: version };
        const provider = await tlsUpstream(file, say("stolen"), { host, ...atMost, ...options });
        const transport = open();
        // The second time too: a session of the first must not stand in for its certificate.
        for (let count = 0; count < 2; count += 1) {
          const answer = await answerOf(transport, {
            origin: provider.origin,
            method: "POST",
            headers: { authorization: "secret" },
            body: [Buffer.from("secret")],
          });
          assert.deepEqual(answer.error, { kind: "tls", sent: false, detail });
          assert.deepEqual([answer.status, answer.body.length], [0, 0]);
        }
        assert.equal(provider.received(), "");
      });
    }
  }
});

describe("the environment", () => {
  const child = join(import.meta.dirname, "tls-call.child.ts");

  async function callFromChild(origin: string, added: Readonly<Record<string, string>>): Promise<unknown> {
    const { NODE_EXTRA_CA_CERTS: _authorities, ...env } = process.env;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, [child, origin], { env: { ...env, ...added } });
    return JSON.parse(stdout);
  }

  test("NODE_EXTRA_CA_CERTS adds an authority", async () => {
    const { origin } = await tlsUpstream("localhost", say("hello"));
    const unknown = { kind: "tls", sent: false, detail: "SELF_SIGNED_CERT_IN_CHAIN" };
    assert.deepEqual(await callFromChild(origin, {}), { body: "", error: unknown });
    const added = { NODE_EXTRA_CA_CERTS: authorityFile };
    assert.deepEqual(await callFromChild(origin, added), { body: "hello", error: null });
  });

  test("NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing", async () => {
    const added = { NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_EXTRA_CA_CERTS: authorityFile };
    for (const [file, detail] of [
      ["self-signed", "DEPTH_ZERO_SELF_SIGNED_CERT"],
      ["elsewhere", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ] as const) {
      const provider = await tlsUpstream(file, say("stolen"));
      const refused = { kind: "tls", sent: false, detail };
      assert.deepEqual(await callFromChild(provider.origin, added), { body: "", error: refused });
      assert.equal(provider.received(), "");
    }
  });
});
