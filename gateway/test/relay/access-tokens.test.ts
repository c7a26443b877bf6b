import assert from "node:assert/strict";
import { generateKeyPairSync, verify } from "node:crypto";
import { describe, test } from "node:test";
import type { Failure } from "../../src/canonical/failure.ts";
import { ok, type Result } from "../../src/lib/result.ts";
import { Secret } from "../../src/lib/secret.ts";
import {
  accessTokens,
  EARLY_REFRESH_MS,
  TOKEN_ANSWER_BYTES_MAX,
  TOKEN_TIMEOUT_MS,
  USABLE_MS_MIN,
} from "../../src/relay/access-tokens.ts";
import { fakeClock } from "../support/clock.ts";
import { jsonAnswer, memoryTransport, type Script } from "../support/memory-transport.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const account = {
  type: "service_account",
  client_email: "gateway@example.iam.gserviceaccount.com",
  private_key_id: "key-1",
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
  token_uri: "https://oauth2.googleapis.com/token",
};
const credential = new Secret(JSON.stringify(account));

const EXPIRES_MS = 3_600_000;
const given = (name: string) => jsonAnswer({ access_token: name, expires_in: 3600, token_type: "Bearer" });
/** `token-1`, `token-2`… */
const numbered: Script = (_call, index) => given(`token-${index + 1}`);

function open(script: Script) {
  const clock = fakeClock(Date.UTC(2026, 2, 14));
  const transport = memoryTransport(clock, script);
  return { clock, transport, tokens: accessTokens(transport, clock) };
}

/** What is got, with as much time as a call in memory takes; a failure as its code. */
async function got(tokens: ReturnType<typeof accessTokens>, clock: ReturnType<typeof fakeClock>, of = credential) {
  const asked = tokens.get(of);
  if (asked instanceof Secret) return asked.reveal();
  await clock.advance(0);
  return told(await asked);
}

const told = (result: Result<Secret, Failure>) => (result.ok ? result.value.reveal() : result.error.code);

describe("an access token", () => {
  test("is asked for with a signed assertion of the account's own", async () => {
    const { clock, transport, tokens } = open(numbered);
    assert.equal(await got(tokens, clock), "token-1");
    const [call] = transport.calls;
    assert.equal(`${call?.method} ${call?.origin}${call?.path}`, "POST https://oauth2.googleapis.com/token");
    assert.equal(call?.headers["content-type"], "application/x-www-form-urlencoded");
    const form = new URLSearchParams(call?.text);
    assert.equal(form.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
    const [header = "", claims = "", signature = ""] = form.get("assertion")?.split(".") ?? [];
    const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as unknown;
    assert.deepEqual(read(header), { alg: "RS256", typ: "JWT", kid: "key-1" });
    const now = Date.UTC(2026, 2, 14) / 1000;
    assert.deepEqual(read(claims), {
      iss: "gateway@example.iam.gserviceaccount.com",
      scope: "https://www.googleapis.com/auth/cloud-platform",
      aud: "https://oauth2.googleapis.com/token",
      iat: now,
      exp: now + 3600,
    });
    const signed = Buffer.from(`${header}.${claims}`);
    assert.ok(verify("RSA-SHA256", signed, publicKey, Buffer.from(signature, "base64url")));
  });

  test("of a signed-in user is asked for with the refresh token", async () => {
    const { clock, transport, tokens } = open(numbered);
    const user = { type: "authorized_user", client_id: "id", client_secret: "secret", refresh_token: "refresh" };
    assert.equal(await got(tokens, clock, new Secret(JSON.stringify(user))), "token-1");
    assert.deepEqual(Object.fromEntries(new URLSearchParams(transport.calls[0]?.text)), {
      grant_type: "refresh_token",
      client_id: "id",
      client_secret: "secret",
      refresh_token: "refresh",
    });
  });

  test("that somebody else has fetched is used as it is", () => {
    const { tokens, transport } = open(numbered);
    const own = new Secret("ya29.own");
    assert.equal(tokens.get(own), own);
    assert.equal(transport.calls.length, 0);
  });

  test("is fetched once, however many wait for it", async () => {
    const { clock, transport, tokens } = open((_call, index) => [{ waitMs: 100 }, ...given(`token-${index + 1}`)]);
    const asked = Array.from({ length: 5 }, () => tokens.get(credential));
    await clock.advance(100);
    const all = await Promise.all(asked.map(async (each) => (each instanceof Secret ? ok(each) : each)));
    assert.deepEqual(all.map(told), Array(5).fill("token-1"));
    assert.equal(transport.calls.length, 1);
  });

  test("of another credential is another one", async () => {
    const { clock, tokens } = open(numbered);
    const other = new Secret(JSON.stringify({ ...account, client_email: "other@example.com" }));
    assert.deepEqual([await got(tokens, clock), await got(tokens, clock, other)], ["token-1", "token-2"]);
  });
});

describe("a token is kept", () => {
  test("until it is about to expire; then the next is fetched while the old one is still used", async () => {
    const { clock, transport, tokens } = open(numbered);
    await got(tokens, clock);
    await clock.advance(EXPIRES_MS - EARLY_REFRESH_MS - 1);
    assert.equal(await got(tokens, clock), "token-1");
    assert.equal(transport.calls.length, 1);
    await clock.advance(1);
    // Nobody waits for it.
    const early = tokens.get(credential);
    assert.ok(early instanceof Secret && early.reveal() === "token-1");
    assert.equal(transport.calls.length, 2);
    await clock.advance(0);
    assert.equal(await got(tokens, clock), "token-2");
    assert.equal(transport.calls.length, 2);
  });

  test("no longer than it is good for: with too little left, the next one is waited for", async () => {
    const { clock, tokens } = open(numbered);
    await got(tokens, clock);
    await clock.advance(EXPIRES_MS - USABLE_MS_MIN);
    assert.ok(!(tokens.get(credential) instanceof Secret));
    assert.equal(await got(tokens, clock), "token-2");
  });

  test("through a refresh that fails, and the next request tries again", async () => {
    const { clock, transport, tokens } = open((_call, index) =>
      index === 1 ? jsonAnswer({ error: "internal_failure" }, 500) : given(`token-${index + 1}`),
    );
    await got(tokens, clock);
    await clock.advance(EXPIRES_MS - EARLY_REFRESH_MS);
    assert.equal(await got(tokens, clock), "token-1");
    await clock.advance(0);
    assert.equal(await got(tokens, clock), "token-1");
    await clock.advance(0);
    assert.equal(await got(tokens, clock), "token-3");
    assert.equal(transport.calls.length, 3);
  });

  test("until the provider does not accept it", async () => {
    const { clock, tokens } = open(numbered);
    await got(tokens, clock);
    tokens.forget(credential);
    assert.equal(await got(tokens, clock), "token-2");
  });
});

const refusals: readonly (readonly [string, Script, string, RegExp])[] = [
  [
    "an account that Google does not accept is the operator's business, and its name stays here",
    () => jsonAnswer({ error: "invalid_grant", error_description: "Invalid JWT: gateway@example" }, 400),
    "provider_rejected_managed_credential",
    /status 400, invalid_grant\)?\. Whoever runs/,
  ],
  [
    "an endpoint that is overloaded",
    () => jsonAnswer({ error: "temporarily_unavailable" }, 503),
    "provider_overloaded",
    /503/,
  ],
  ["an answer without a token", () => jsonAnswer({ id_token: "x" }), "provider_overloaded", /status 200/],
  [
    "an answer that is no JSON",
    () => [{ headers: {} }, { data: "<html>" }, { end: true }],
    "provider_overloaded",
    /200/,
  ],
  ["a connection that breaks", () => [{ error: { detail: "ECONNRESET" } }], "provider_unreachable", /ECONNRESET/],
  [
    "an answer of any size",
    () => [{ headers: {} }, { data: "x".repeat(TOKEN_ANSWER_BYTES_MAX + 1) }, { stall: true }],
    "provider_unreachable",
    /too much/,
  ],
  ["an endpoint that says nothing", () => [{ stall: true }], "provider_unreachable", /did not answer in time/],
];

describe("no access token", () => {
  for (const [name, script, code, words] of refusals) {
    test(name, async () => {
      const { clock, transport, tokens } = open(script);
      const asked = tokens.get(credential);
      await clock.advance(TOKEN_TIMEOUT_MS);
      const result = asked instanceof Secret ? ok(asked) : await asked;
      assert.ok(!result.ok);
      assert.equal(result.error.code, code);
      assert.match(result.error.message, words);
      assert.doesNotMatch(result.error.message, /example/);
      assert.ok(transport.calls.every(({ state }) => state.finished || state.aborted));
    });
  }

  const spoilt: readonly (readonly [string, object, RegExp])[] = [
    ["a private key that is none", { private_key: "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END" }, /cannot sign/],
    ["an endpoint in the clear", { token_uri: "http://oauth2.googleapis.com/token" }, /no https URL/],
    ["a file that lacks a part", { client_email: undefined }, /not a credential/],
  ];
  for (const [name, change, words] of spoilt) {
    test(`for ${name}, and nothing is sent`, async () => {
      const { tokens, transport } = open(numbered);
      const asked = tokens.get(new Secret(JSON.stringify({ ...account, ...change })));
      const result = asked instanceof Secret ? ok(asked) : await asked;
      assert.ok(!result.ok);
      assert.equal(result.error.code, "provider_rejected_managed_credential");
      assert.match(result.error.message, words);
      assert.equal(transport.calls.length, 0);
    });
  }
});
