import { z } from "zod";
import { KEY_HASH_PATTERN } from "./key-hash.ts";
import { profileNames } from "./profiles.ts";

/*
 * The configuration file as people write it. Names are snake_case with the unit last; every description here is what the
 * JSON Schema and docs/configuration.md say. `build.ts` turns a file that passes into the `Config` that the gateway reads.
 */

const MINUTE_MS = 60_000;
const MIB = 1_048_576;
const GIB = 1_073_741_824;

/** The formats that a configured provider may speak. `canonical` belongs to the demo alone. */
export const configurableDialects = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "gemini",
  "bedrock-converse",
] as const;

/** Top-level sections of the product that this version does not have: writing one is refused, never ignored. */
export const unavailableSections: ReadonlySet<string> = new Set(["targets", "routes", "functions", "security"]);

/** Provider ids that would shadow a prefix of the `model` field. */
export const reservedProviderIds: ReadonlySet<string> = new Set(["route", "function", "demo"]);

export const PROVIDER_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const timeoutMs = z
  .int()
  .min(1)
  .max(30 * MINUTE_MS);

/** Where and how the gateway listens, as under `server`. */
export const serverSchema = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default("127.0.0.1")
      .describe("Address to listen on. An address that other machines can reach needs `keys`, or `allow_anonymous`."),
    port: z.int().min(0).max(65_535).default(4000).describe("TCP port; 0 lets the system choose a free one."),
    workers: z
      .union([z.int().min(1).max(256), z.literal("auto")])
      .default(1)
      .describe("Processes that serve requests; `auto` is one per core."),
    body_bytes_max: z
      .int()
      .min(1024)
      .max(GIB)
      .default(64 * MIB)
      .describe("Largest request body that is read into memory, decompressed. A larger one is answered 413."),
    upload_bytes_max: z
      .int()
      .min(1024)
      .max(64 * GIB)
      .default(2 * GIB)
      .describe("Largest streamed upload (files, audio, images)."),
    cors_origins: z
      .array(z.string().min(1))
      .max(1000)
      .default([])
      .describe("Origins whose pages may call from a browser (`https://app.example.com`, or `*`). Empty: CORS is off."),
    drain_ms: z
      .int()
      .min(0)
      .max(60 * MINUTE_MS)
      .default(120_000)
      .describe("How long running requests may take after SIGTERM before they are cut."),
    allow_anonymous: z
      .boolean()
      .default(false)
      .describe(
        "Listen on a reachable address without keys, for callers who bring their own provider credential. The gateway's own credentials are not spent for them.",
      ),
  })
  .prefault({})
  .describe("Where and how the gateway listens.");

const modelSchema = z.union([
  z.string().min(1).max(256),
  z.strictObject({
    id: z.string().min(1).max(256).describe("What clients call the model; `*` stands for any text."),
    upstream_id: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe("What the provider calls it, where that differs from `id`."),
    timeout_ms: timeoutMs
      .optional()
      .describe("Wait for the first byte of this model's answers; wins over the provider's."),
  }),
]);

/** One provider, as under `providers.<id>`. */
export const providerSchema = z.strictObject({
  kind: z.string().min(1).optional().describe("The catalogue row it belongs to. Default: the provider's id."),
  base_url: z
    .string()
    .min(1)
    .optional()
    .describe("Where its API is, as the vendor's own SDK takes it. Default: the catalogue's."),
  credential: z
    .union([z.string(), z.array(z.string()).min(1).max(100)])
    .optional()
    .describe(
      "Where its key is: `env::NAME`, `file::PATH` or `none`; a list is several credentials. Default: the catalogue's environment variable, where it is set.",
    ),
  models: z
    .array(modelSchema)
    .max(10_000)
    .optional()
    .describe(
      "Models that clients can ask for by bare name: ids, patterns such as `gpt-*`, or maps. Default: the catalogue's.",
    ),
  dialects: z
    .array(z.enum(configurableDialects))
    .min(1)
    .optional()
    .describe(
      "Formats it speaks, in order of preference; the client's own wins when listed. Default: the catalogue's.",
    ),
  timeout_ms: timeoutMs
    .optional()
    .describe("Wait for the first byte of an answer. Default: 120000 for streams, 600000 for plain answers."),
  auth_type: z
    .enum(["bearer", "api_key_header", "query_param"])
    .optional()
    .describe("How the credential is sent. Default: the catalogue's."),
  auth_header_name: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe("The header for `auth_type: api_key_header`. Default: the catalogue's header, else `x-api-key`."),
  region: z.string().min(1).max(100).optional().describe("Of `bedrock`: the AWS region. Default: `AWS_REGION`."),
  project: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe("Of `vertex`: the Google Cloud project. Default: `GOOGLE_CLOUD_PROJECT`, else the credential's own."),
  location: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe("Of `vertex`: where its models are. Default: `GOOGLE_CLOUD_LOCATION`, else `global`."),
  structured_output: z
    .enum(["native", "tool"])
    .optional()
    .describe(
      "How JSON `response_format` of the Chat surface is asked of Anthropic models: by their own output format, or by a forced tool. Default: refused with a 400 that names this key.",
    ),
});

/** One gateway key, as in the list `keys`. */
export const keySchema = z.strictObject({
  name: z.string().min(1).max(128).describe("For people: logs and reports show it."),
  id: z
    .string()
    .regex(/^[a-z0-9]{4,16}$/, "expected 4 to 16 characters of a-z and 0-9")
    .describe("The part of the key between `dgm_` and the secret."),
  hash: z
    .string()
    .regex(KEY_HASH_PATTERN, 'expected "sha256:<salt>:<digest>", both in lower-case hexadecimal')
    .describe("`sha256:<salt>:<digest>`, as `dragoman keys create` prints it. The key itself is stored nowhere."),
  project: z.string().min(1).max(64).default("default").describe("The project its use is counted under."),
  models: z
    .array(z.string().min(1).max(256))
    .min(1)
    .max(1000)
    .default(["*"])
    .describe("What it may ask for: patterns over model ids and `provider::model` addresses alike."),
  expires: z
    .string()
    .optional()
    .describe(
      "Last day (`2027-01-31`, to its end in UTC) or moment (`2027-01-31T12:00:00Z`) it works. Default: never expires.",
    ),
  revoked: z.boolean().default(false).describe("Refuse it from now on, but keep its name in reports."),
  strict: z
    .boolean()
    .default(false)
    .describe("Refuse a request whose translation would lose something, instead of reporting the loss."),
});

/** The whole file. */
export const fileSchema = z.strictObject({
  server: serverSchema,
  providers: z
    .record(z.string(), providerSchema)
    .optional()
    .describe(
      "Providers by id, first come first served: a model that two list goes to the first whose dialects include the client's. Default: those whose key is in the environment.",
    ),
  keys: z
    .array(keySchema)
    .max(100_000)
    .default([])
    .describe("Gateway keys. With any key defined, the gateway's own credentials are spent for their holders only."),
  require_keys: z
    .boolean()
    .default(false)
    .describe("Refuse every call without a gateway key, also from callers with their own provider credential."),
  compatibility: z
    .enum(profileNames)
    .default("none")
    .describe(
      "`to11` makes that gateway's documented behaviour the default of every setting and answer (docs/compatibility.md).",
    ),
  demo: z
    .union([
      z.boolean(),
      z.strictObject({ enabled: z.boolean().default(true).describe("Whether `demo::…` models answer.") }),
    ])
    .default(true)
    .describe("The built-in demo provider (`demo::echo`, `demo::fail-429`, …)."),
  errors: z
    .strictObject({
      dialect: z
        .enum(["auto", "plain"])
        .default("auto")
        .describe(
          "`auto` departs from the error table for recognised agent CLIs only, so that one request shows our sentence; `plain` never departs.",
        ),
    })
    .prefault({})
    .describe("How errors are told."),
  translation: z
    .strictObject({
      strict: z
        .boolean()
        .default(false)
        .describe("Refuse every request whose translation would lose something, instead of reporting the loss."),
    })
    .prefault({})
    .describe("What is done about what a target's format cannot carry."),
  retry: z
    .strictObject({
      max_retries: z.int().min(0).max(10).default(2).describe("Further tries on the same provider after the first."),
      backoff_base_ms: z
        .int()
        .min(1)
        .max(8000)
        .default(500)
        .describe("First wait between tries; doubles each time up to 8 s, with full jitter."),
    })
    .prefault({})
    .describe("What is done about failures that may pass."),
  log: z
    .strictObject({
      format: z
        .enum(["auto", "text", "json", "none"])
        .default("auto")
        .describe("`auto`: text on a terminal, JSON lines elsewhere."),
      file: z
        .string()
        .min(1)
        .optional()
        .describe("A file that JSON lines are appended to as well; relative to the configuration file."),
    })
    .prefault({})
    .describe("One line per request."),
});

export type FileConfig = z.output<typeof fileSchema>;
export type FileServer = z.output<typeof serverSchema>;
export type FileProvider = z.output<typeof providerSchema>;
export type FileKey = z.output<typeof keySchema>;
