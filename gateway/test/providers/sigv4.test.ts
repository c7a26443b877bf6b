import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { describe, test } from "node:test";
import { Secret } from "../../src/lib/secret.ts";
import { applyCredential } from "../../src/providers/auth.ts";
import { readAwsKeys, signatureHeaders, type RequestToSign } from "../../src/providers/sigv4.ts";

const hashing = {
  sha256(pieces: readonly (Uint8Array | string)[]) {
    const hash = createHash("sha256");
    for (const piece of pieces) hash.update(piece);
    return hash.digest("hex");
  },
  hmac: (key: Uint8Array | string, text: string) => createHmac("sha256", key).update(text).digest(),
};

/*
 * AWS's own test suite for Signature Version 4 (aws-sig-v4-test-suite: key AKIDEXAMPLE, service `service`, 2015-08-30). Its rows
 * about the normalisation of paths are left out: the paths here are made by us and need none.
 */
const suite: readonly (readonly [name: string, request: Partial<RequestToSign>, signature: string])[] = [
  ["get-vanilla", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
  ["post-vanilla", { method: "POST" }, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
  [
    "get-vanilla-query-order-key-case",
    { path: "/?Param2=value2&Param1=value1" },
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  ],
  [
    "get-utf8",
    // The suite's path is `/ሴ`, encoded once in its canonical request; encoding it twice is every service's rule but S3's.
    { path: "/ሴ" },
    "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
  ],
  [
    "post-x-www-form-urlencoded",
    {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: [Buffer.from("Param1="), Buffer.from("value1")],
    },
    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  ],
  [
    "post-header-key-sort",
    { method: "POST", headers: { "my-header1": "value1" } },
    "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
  ],
];

describe("AWS's test suite", () => {
  const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
  const scope = { service: "service", region: "us-east-1", wallMs: Date.UTC(2015, 7, 30, 12, 36) };
  for (const [name, request, signature] of suite) {
    test(name, () => {
      const whole = {
        method: "GET",
        origin: "https://example.amazonaws.com",
        path: "/",
        headers: {},
        body: [],
        ...request,
      };
      const { authorization = "", "x-amz-date": date } = signatureHeaders(whole, keys, scope, hashing);
      assert.equal(date, "20150830T123600Z");
      assert.ok(authorization.endsWith(`Signature=${signature}`), authorization);
    });
  }
});

/*
 * Calls of Bedrock as `@smithy/signature-v4` 5.7.5, AWS's own signer, signs them. A model's colon is `%3A` in the path and
 * `%253A` in what is signed; several gateways have shipped one encoding too few.
 */
const TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//token==";
const bedrock: readonly (readonly [path: string, session: string | undefined, signature: string])[] = [
  [
    "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse",
    undefined,
    "1abf4c3a6934815c3947b941883f01ee362457a1aa1c60a5372f88aa9f663f7e",
  ],
  [
    "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse",
    TOKEN,
    "5b62dcfd38b88bb3e768f5c76dda0f9bf03652c068019e6dbee070684fc0425c",
  ],
  [
    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse-stream",
    undefined,
    "75e8585760329ffda2cbfacad8d3bce7bad11c51b96009a0b7cb3d369964f276",
  ],
  [
    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse-stream",
    TOKEN,
    "55427ced74d62f521738ece1038b5fd9e28d6771f954d7097a09eca0a6b60ed5",
  ],
  [
    "/model/us.anthropic.claude-sonnet-4-6/converse",
    undefined,
    "25eb70c52d283989c1fbcce8aceb870e4ec923c7bbe3377fbd7e132c69ce3cdb",
  ],
  [
    "/model/custom%20model%2A%28x%29%21%27~%C3%A9/converse",
    undefined,
    "e7ed14d370682220bd40d0f324eb75a1095ca6771000bd787b631ae712a8bc5e",
  ],
  [
    "/model/custom%20model%2A%28x%29%21%27~%C3%A9/converse",
    TOKEN,
    "ec8c7bffead60f992aac1a51bc8738355833dfaf3e6fdf8c6310084741691eb1",
  ],
];

describe("applyCredential signs a call of Bedrock as AWS's own signer does", () => {
  const scheme = { type: "sigv4", service: "bedrock", region: "us-east-1" } as const;
  const wallMs = Date.UTC(2026, 2, 14, 15, 9, 26, 535);
  const pieces = [Buffer.from('{"messages":[{"role":"user",'), Buffer.from('"content":[{"text":"hé"}]}]}')];
  const callOf = (path: string) => ({
    method: "POST",
    origin: "https://bedrock-runtime.us-east-1.amazonaws.com",
    path,
    headers: { "content-type": "application/json", accept: "application/json", "accept-encoding": "identity" },
    body: pieces,
  });
  const KEYS = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

  for (const [path, session, signature] of bedrock) {
    test(`${path}${session === undefined ? "" : ", temporary keys"}`, () => {
      const secret = new Secret(session === undefined ? KEYS : `${KEYS}:${session}`);
      const { headers } = applyCredential(callOf(path), scheme, secret, wallMs) as { headers: Record<string, string> };
      const names = `content-type;host;x-amz-date${session === undefined ? "" : ";x-amz-security-token"}`;
      assert.equal(
        headers["authorization"],
        `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260314/us-east-1/bedrock/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
      );
      assert.equal(headers["x-amz-date"], "20260314T150926Z");
      assert.equal(headers["x-amz-security-token"], session);
      assert.equal(headers["accept"], "application/json");
    });
  }

  test("one of Bedrock's API keys is sent as it is", () => {
    const { headers } = applyCredential(callOf("/model/m/converse"), scheme, new Secret("ABSKQmVkcm9jaw=="), wallMs);
    assert.deepEqual(headers, { ...callOf("").headers, authorization: "Bearer ABSKQmVkcm9jaw==" });
  });
});

const texts: readonly (readonly [string, ReturnType<typeof readAwsKeys>])[] = [
  ["AKIAIOSFODNN7EXAMPLE:a/b+c=", { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "a/b+c=" }],
  [
    "ASIAIOSFODNN7EXAMPLE:secret:token==",
    { accessKeyId: "ASIAIOSFODNN7EXAMPLE", secretAccessKey: "secret", sessionToken: "token==" },
  ],
  ["AKIAIOSFODNN7EXAMPLE", undefined],
  ["AKIAIOSFODNN7EXAMPLE:", undefined],
  ["AKIAIOSFODNN7EXAMPLE:a:b:c", undefined],
  ["AKIAIOSFODNN7EXAMPLE: secret", undefined],
  ["bedrock-api-key-YmVk", undefined],
];
for (const [text, keys] of texts) {
  test(`"${text}" ${keys === undefined ? "is no key pair" : "is a key pair"}`, () => {
    assert.deepEqual({ ...readAwsKeys(text) }, { ...keys });
  });
}
