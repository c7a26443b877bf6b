import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { GatewayKey } from "../../src/config/config.ts";
import { parseKeyHash } from "../../src/config/key-hash.ts";
import {
  createKey,
  isGatewayKeyShape,
  parseGatewayKey,
  verifyKey,
  type CreatedKey,
  type KeyStore,
} from "../../src/limits/keys.ts";

const NOW = Date.UTC(2026, 10, 20);

function stored(created: CreatedKey, more: Partial<GatewayKey> = {}): GatewayKey {
  const hash = parseKeyHash(created.hash);
  assert.ok(hash);
  return {
    name: "laptop",
    id: created.id,
    ...hash,
    project: "default",
    models: ["*"],
    revoked: false,
    strict: false,
    ...more,
  };
}

function storeOf(...keys: GatewayKey[]): KeyStore {
  return {
    find(id) {
      const key = keys.find((candidate) => candidate.id === id);
      return key === undefined ? { kind: "absent" } : { kind: "found", key };
    },
  };
}

test("a created key has the documented shape and verifies against its own entry only", () => {
  const one = createKey();
  const other = createKey();
  assert.match(one.text, /^dgm_[a-z0-9]{4,16}_[A-Za-z0-9_-]{43}$/);
  assert.match(one.hash, /^sha256:[0-9a-f]{32}:[0-9a-f]{64}$/);
  const store = storeOf(stored(one), stored(other));
  const verified = verifyKey(one.text, store, NOW);
  assert.equal(verified.ok && verified.value.id, one.id);
  const crossed = `dgm_${one.id}_${parseGatewayKey(other.text)?.secret}`;
  assert.deepEqual(verifyKey(crossed, store, NOW), { ok: false, error: "wrong-secret" });
});

test("a key that has proven itself stays the only one that does", () => {
  const created = createKey();
  const store = storeOf(stored(created));
  const wrong = `${created.text.slice(0, -1)}${created.text.endsWith("A") ? "B" : "A"}`;
  const dashes = `dgm_${created.id}_${"-".repeat(43)}`;
  for (const text of [wrong, dashes, created.text, wrong, dashes, created.text]) {
    assert.equal(verifyKey(text, store, NOW).ok, text === created.text, text);
  }
  assert.deepEqual(verifyKey(created.text, storeOf(stored(created, { revoked: true })), NOW), {
    ok: false,
    error: "revoked",
  });
});

test("the stored digest is the SHA-256 of salt and secret, so that any other machine can check it", () => {
  const created = createKey();
  const [, salt = "", digest] = created.hash.split(":");
  const secret = parseGatewayKey(created.text)?.secret ?? "";
  assert.equal(createHash("sha256").update(salt).update(secret).digest("hex"), digest);
});

test("one changed character of the secret is refused, wherever it stands", () => {
  const created = createKey();
  const store = storeOf(stored(created));
  const secretStart = created.text.length - 43;
  for (let index = secretStart; index < created.text.length; index += 1) {
    const changed = created.text[index] === "A" ? "B" : "A";
    const text = created.text.slice(0, index) + changed + created.text.slice(index + 1);
    assert.deepEqual(verifyKey(text, store, NOW), { ok: false, error: "wrong-secret" });
  }
});

test("a key is good until the millisecond it expires", () => {
  const created = createKey();
  const store = storeOf(stored(created, { expiresAt: NOW }));
  assert.equal(verifyKey(created.text, store, NOW - 1).ok, true);
  assert.deepEqual(verifyKey(created.text, store, NOW), { ok: false, error: "expired" });
});

test("revocation is told to the holder of the secret only", () => {
  const created = createKey();
  const store = storeOf(stored(created, { revoked: true }));
  assert.deepEqual(verifyKey(created.text, store, NOW), { ok: false, error: "revoked" });
  assert.deepEqual(verifyKey(`dgm_${created.id}_${"A".repeat(43)}`, store, NOW), { ok: false, error: "wrong-secret" });
});

test("a store that cannot answer is not a store without the key", () => {
  const { text } = createKey();
  assert.deepEqual(verifyKey(text, { find: () => ({ kind: "unavailable" }) }, NOW), {
    ok: false,
    error: "unavailable",
  });
  assert.deepEqual(verifyKey(text, storeOf(), NOW), { ok: false, error: "unknown" });
});

test("a gateway key cut short is still recognised as one, and refused", () => {
  const { text } = createKey();
  const cut = text.slice(0, -1);
  assert.equal(isGatewayKeyShape(cut), true);
  assert.deepEqual(verifyKey(cut, storeOf(), NOW), { ok: false, error: "malformed" });
  assert.equal(isGatewayKeyShape("sk-ant-api03-x"), false);
  assert.equal(isGatewayKeyShape(""), false);
});

const malformed = ["dgm_", "dgm_abc_" + "A".repeat(43), "dgm_ABCD_" + "A".repeat(43), "dgm_abcd_" + "A".repeat(44)];
for (const text of [...malformed, `dgm_${"a".repeat(17)}_${"A".repeat(43)}`, ` dgm_abcd_${"A".repeat(43)}`]) {
  test(`not a well-formed key: ${text.slice(0, 12)}… (${text.length} characters)`, () => {
    assert.equal(parseGatewayKey(text), undefined);
  });
}

test("a key is made of the randomness that it is given, and of nothing else", () => {
  const created = createKey((length) => new Uint8Array(length));
  assert.equal(created.text, `dgm_aaaaaaaa_${"A".repeat(43)}`);
  assert.deepEqual(
    created,
    createKey((length) => new Uint8Array(length)),
  );
});
