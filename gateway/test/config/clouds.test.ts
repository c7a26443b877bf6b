import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configOf, loadText, type Situation } from "./support.ts";

/* Bedrock and Vertex AI: accounts that are more than a key. */

const PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";
const serviceAccount = JSON.stringify(
  {
    type: "service_account",
    project_id: "from-the-file",
    private_key_id: "key-1",
    private_key: PRIVATE_KEY,
    client_email: "gateway@example.iam.gserviceaccount.com",
    token_uri: "https://oauth2.googleapis.com/token",
  },
  null,
  2,
);
const user = JSON.stringify({
  type: "authorized_user",
  client_id: "id",
  client_secret: "secret",
  refresh_token: "refresh",
  quota_project_id: "from-the-user",
});

const aws = { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG" };

function only(text: string | undefined, situation: Situation) {
  const { providers, warnings } = configOf(text, situation);
  const [provider] = providers;
  assert.ok(provider !== undefined && providers.length === 1, warnings.join("\n"));
  return { ...provider, secret: provider.credentials[0]?.reveal() };
}

function problemsOf(text: string, situation: Situation = {}): string[] {
  const loaded = loadText(text, situation);
  assert.equal(loaded.ok, false);
  return loaded.ok
    ? []
    : loaded.error.map(({ path, message, suggestion }) =>
        [`${path}: ${message}`, suggestion].filter(Boolean).join(" | "),
      );
}

describe("bedrock", () => {
  test("the region is a part of the address and of the signature", () => {
    const provider = only("providers:\n  bedrock: { region: eu-central-1 }\n", { environment: aws });
    assert.equal(provider.baseUrl, "https://bedrock-runtime.eu-central-1.amazonaws.com");
    assert.deepEqual(provider.auth, { type: "sigv4", service: "bedrock", region: "eu-central-1" });
  });

  test("without one in the file it is the environment's", () => {
    const text = "providers:\n  bedrock: {}\n";
    assert.match(only(text, { environment: { ...aws, AWS_REGION: "us-west-2" } }).baseUrl, /us-west-2/);
    assert.match(only(text, { environment: { ...aws, AWS_DEFAULT_REGION: "us-west-1" } }).baseUrl, /us-west-1/);
  });

  test("an address of one's own keeps the region for the signature", () => {
    const text = "providers:\n  bedrock: { region: us-east-1, base_url: 'https://vpce-1.example.com' }\n";
    const provider = only(text, { environment: aws });
    assert.equal(provider.baseUrl, "https://vpce-1.example.com");
    assert.deepEqual(provider.auth, { type: "sigv4", service: "bedrock", region: "us-east-1" });
  });

  const credentials: readonly (readonly [string, string, Situation, string])[] = [
    ["the usual variables", "", { environment: aws }, "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG"],
    [
      "temporary keys",
      "",
      { environment: { ...aws, AWS_SESSION_TOKEN: "FwoGZXIvYXdz//token==" } },
      "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG:FwoGZXIvYXdz//token==",
    ],
    [
      "variables of another prefix",
      "credential: env::PROD_AWS_ACCESS_KEY_ID",
      {
        environment: {
          ...aws,
          PROD_AWS_ACCESS_KEY_ID: "AKIAPRODPRODPRODPROD",
          PROD_AWS_SECRET_ACCESS_KEY: "prodsecret",
        },
      },
      "AKIAPRODPRODPRODPROD:prodsecret",
    ],
    [
      "a key pair in a file",
      "credential: file::aws",
      { files: { "/etc/dragoman/aws": "AKIAIOSFODNN7EXAMPLE:secret/with+all=\n" } },
      "AKIAIOSFODNN7EXAMPLE:secret/with+all=",
    ],
    [
      "an API key of Bedrock's comes first",
      "",
      { environment: { ...aws, AWS_BEARER_TOKEN_BEDROCK: "ABSKQmVkcm9jaw==" } },
      "ABSKQmVkcm9jaw==",
    ],
  ];
  for (const [name, written, situation, expected] of credentials) {
    test(`credential: ${name}`, () => {
      assert.equal(only(`providers:\n  bedrock: { region: us-east-1, ${written} }\n`, situation).secret, expected);
    });
  }

  test("what is missing is told with a way out", () => {
    assert.deepEqual(problemsOf("providers:\n  bedrock: {}\n", { environment: aws }), [
      'providers.bedrock: "region" is missing: the address of a provider of the kind "Amazon Bedrock" has it in it | add region: us-east-1, or set AWS_REGION',
    ]);
    const half = { environment: { AWS_ACCESS_KEY_ID: aws.AWS_ACCESS_KEY_ID } };
    assert.match(
      problemsOf("providers:\n  bedrock: { region: us-east-1 }\n", half)[0] ?? "",
      /AWS_SECRET_ACCESS_KEY is not set/,
    );
    const lone = { files: { "/etc/dragoman/aws": "AKIAIOSFODNN7EXAMPLE" } };
    const text = "providers:\n  bedrock: { region: us-east-1, credential: 'file::aws' }\n";
    assert.match(problemsOf(text, lone)[0] ?? "", /an access key id alone signs nothing/);
    const spoilt = { files: { "/etc/dragoman/aws": "AKIA:secret" } };
    assert.match(problemsOf(text, spoilt)[0] ?? "", /ACCESS_KEY_ID:SECRET/);
  });

  test("a region that is no name cannot become a part of a host", () => {
    const [problem = ""] = problemsOf("providers:\n  bedrock: { region: 'evil.com/' }\n", { environment: aws });
    assert.match(problem, /providers\.bedrock\.region: expected the name of a region, got "evil\.com\/"/);
  });

  test("a key that is for Bedrock alone switches it on, AWS keys that may be for anything do not", () => {
    const AWS_REGION = "us-east-1";
    const on = configOf(undefined, { environment: { AWS_BEARER_TOKEN_BEDROCK: "ABSKQ", AWS_REGION } });
    assert.deepEqual(
      on.providers.map(({ id }) => id),
      ["bedrock"],
    );
    const off = configOf(undefined, { environment: { ...aws, AWS_REGION } });
    assert.deepEqual(off.providers, []);
    assert.equal(off.demo.catchAll, true);
  });

  test("a key without its region does not stop a start without a file, and says what it lacks", () => {
    const { providers, warnings } = configOf(undefined, { environment: { AWS_BEARER_TOKEN_BEDROCK: "ABSKQ" } });
    assert.deepEqual(providers, []);
    assert.match(warnings.join(), /AWS_BEARER_TOKEN_BEDROCK is set, but Amazon Bedrock also needs AWS_REGION/);
  });
});

describe("vertex", () => {
  test("project and location are parts of the paths, the location of the host too", () => {
    const text = "providers:\n  vertex: { project: my-project, location: us-east5 }\n";
    const provider = only(text, { environment: { VERTEX_ACCESS_TOKEN: "ya29.token" } });
    assert.equal(provider.baseUrl, "https://us-east5-aiplatform.googleapis.com");
    assert.equal(
      provider.paths?.messages,
      "/v1/projects/my-project/locations/us-east5/publishers/anthropic/models/{model}:{method}",
    );
    assert.equal(provider.secret, "ya29.token");
  });

  const hosts = [
    ["global", "https://aiplatform.googleapis.com"],
    ["eu", "https://aiplatform.eu.rep.googleapis.com"],
    ["europe-west4", "https://europe-west4-aiplatform.googleapis.com"],
  ] as const;
  for (const [location, host] of hosts) {
    test(`location ${location} is at ${host}`, () => {
      const text = `providers:\n  vertex: { project: p-1, location: ${location} }\n`;
      assert.equal(only(text, { environment: { VERTEX_ACCESS_TOKEN: "ya29.token" } }).baseUrl, host);
    });
  }

  test("a credential's own project will do, and its JSON is kept on one line", () => {
    const files = { "/home/me/key.json": serviceAccount };
    const environment = { GOOGLE_APPLICATION_CREDENTIALS: "/home/me/key.json" };
    const provider = only("providers:\n  vertex: {}\n", { environment, files });
    assert.match(provider.paths?.["generate-content"] ?? "", /projects\/from-the-file\/locations\/global\//);
    assert.deepEqual(JSON.parse(provider.secret ?? ""), JSON.parse(serviceAccount));
    assert.doesNotMatch(provider.secret ?? "", /\n/);
  });

  test("a file, a variable with JSON, a signed-in user", () => {
    const file = only("providers:\n  vertex: { credential: 'file::key.json' }\n", {
      files: { "/etc/dragoman/key.json": serviceAccount },
    });
    assert.match(file.secret ?? "", /gateway@example/);
    const inline = only("providers:\n  vertex: { credential: 'env::VERTEX_JSON' }\n", {
      environment: { VERTEX_JSON: serviceAccount, GOOGLE_CLOUD_PROJECT: "from-the-environment" },
    });
    assert.match(inline.paths?.messages ?? "", /projects\/from-the-environment\//);
    const signedIn = only("providers:\n  vertex: { credential: 'file::adc.json' }\n", {
      files: { "/etc/dragoman/adc.json": user },
    });
    assert.match(signedIn.paths?.messages ?? "", /projects\/from-the-user\//);
  });

  test("what is missing or wrong is told", () => {
    const token = { environment: { VERTEX_ACCESS_TOKEN: "ya29.token" } };
    assert.deepEqual(problemsOf("providers:\n  vertex: {}\n", token), [
      'providers.vertex: "project" is missing: the address of a provider of the kind "Google Vertex AI" has it in it | add project: my-project, or set GOOGLE_CLOUD_PROJECT',
    ]);
    const text = "providers:\n  vertex: { project: p-1, credential: 'file::key.json' }\n";
    const [other = ""] = problemsOf(text, { files: { "/etc/dragoman/key.json": '{"type":"service_account"}' } });
    assert.match(other, /not a credential of Google's/);
    const [absent = ""] = problemsOf(text);
    assert.match(absent, /there is no file \/etc\/dragoman\/key\.json/);
    assert.doesNotMatch(
      problemsOf(text, { files: { "/etc/dragoman/key.json": `{"a":"${PRIVATE_KEY}` } }).join(),
      /MIIE/,
    );
  });

  test("whoever says what it speaks says it of all its models", () => {
    const text = "providers:\n  vertex: { project: p-1, dialects: [anthropic-messages], models: [sonnet] }\n";
    const provider = only(text, { environment: { VERTEX_ACCESS_TOKEN: "ya29.token" } });
    assert.deepEqual([provider.dialects, provider.modelDialects], [["anthropic-messages"], undefined]);
  });
});

test("how the credential of a cloud is sent is not to choose: a key pair would be sent as it is", () => {
  const text = "providers:\n  bedrock: { region: us-east-1, auth_type: bearer }\n";
  assert.deepEqual(problemsOf(text, { environment: aws }), [
    'providers.bedrock.auth_type: a provider of the kind "Amazon Bedrock" is sent its credential in a way of its own | leave auth_type out',
  ]);
});

test("settings of clouds are refused where nobody reads them", () => {
  const [problem] = problemsOf("providers:\n  openai: { region: us-east-1, credential: none }\n");
  assert.equal(problem, 'providers.openai.region: a provider of the kind "OpenAI" has no region');
});
