import { isAbsolute } from "node:path";
import { parseJson } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { Secret } from "../lib/secret.ts";
import { readGoogleCredential } from "../providers/google-credential.ts";
import type { AuthScheme } from "../providers/provider.ts";
import { readAwsKeys } from "../providers/sigv4.ts";
import { readCredential, readSecretText, type CredentialFailure, type CredentialSources } from "./credentials.ts";
import { variable } from "./interpolate.ts";

type CredentialResult = Result<Secret | undefined, CredentialFailure>;

/** The secret that a reference names, for schemes whose credential is more than a key; the same as `readCredential` for others. */
export function readProviderCredential(
  auth: AuthScheme,
  reference: string,
  sources: CredentialSources,
  alternatives: readonly string[],
): CredentialResult {
  switch (auth.type) {
    case "sigv4":
      return readAws(reference, sources, alternatives);
    case "google":
      return readGoogle(reference, sources, alternatives);
    default:
      return readCredential(reference, sources, alternatives);
  }
}

const ACCESS_KEY_VARIABLE = /^env::(?<stem>.*)ACCESS_KEY_ID$/;
const ACCESS_KEY_ID = /^[A-Z0-9]{16,128}$/;

/**
 * `…ACCESS_KEY_ID` stands for three variables: the secret and, of temporary keys, the session token are beside it. Else the
 * text is a whole key pair, `AKIA…:secret` or `ASIA…:secret:token`, or one of Bedrock's API keys.
 */
function readAws(reference: string, sources: CredentialSources, alternatives: readonly string[]): CredentialResult {
  const read = readCredential(reference, sources, alternatives);
  if (!read.ok || read.value === undefined) return read;
  const text = read.value.reveal();
  const stem = ACCESS_KEY_VARIABLE.exec(reference)?.groups?.["stem"];
  const isId = ACCESS_KEY_ID.test(text);
  if (stem !== undefined && isId) {
    const secret = readCredential(`env::${stem}SECRET_ACCESS_KEY`, sources, []);
    if (!secret.ok) return secret;
    const session = variable(sources.environment, `${stem}SESSION_TOKEN`)?.trim() ?? "";
    const parts = [text, secret.value?.reveal() ?? "", ...(session === "" ? [] : [session])];
    return wholeKeys(parts.join(":"));
  }
  if (isId) {
    const message = "an access key id alone signs nothing";
    return fail({ message, suggestion: "env::AWS_ACCESS_KEY_ID, with AWS_SECRET_ACCESS_KEY beside it" });
  }
  return text.includes(":") ? wholeKeys(text) : read;
}

function wholeKeys(text: string): CredentialResult {
  if (readAwsKeys(text) !== undefined) return ok(new Secret(text));
  const message =
    "an AWS credential is ACCESS_KEY_ID:SECRET or ACCESS_KEY_ID:SECRET:SESSION_TOKEN, without white space";
  return fail({ message });
}

/**
 * The JSON of a service account or of a signed-in user, from a file or from a variable that holds it or its path, as
 * GOOGLE_APPLICATION_CREDENTIALS does; else an access token.
 */
function readGoogle(reference: string, sources: CredentialSources, alternatives: readonly string[]): CredentialResult {
  const named = reference.startsWith("env::") ? variable(sources.environment, reference.slice(5))?.trim() : undefined;
  if (named !== undefined && named.startsWith("{"))
    return googleFile(named, `environment variable ${reference.slice(5)}`);
  const path = reference.startsWith("file::") ? reference.slice(6) : isPath(named) ? named : undefined;
  if (path === undefined) return readCredential(reference, sources, alternatives);
  const text = readSecretText(path, sources);
  if (!text.ok) return text;
  if (text.value.startsWith("{")) return googleFile(text.value, `the file ${path}`);
  return readCredential(`file::${path}`, sources, alternatives);
}

function isPath(text: string | undefined): text is string {
  return text !== undefined && (isAbsolute(text) || text.endsWith(".json"));
}

/** On one line, as a secret is. */
function googleFile(text: string, source: string): CredentialResult {
  const value = parseJson(text);
  if (value !== undefined && readGoogleCredential(text) !== undefined) return ok(new Secret(JSON.stringify(value)));
  const message = `${source} is not a credential of Google's: it needs type, client_email and private_key of a service account, or client_id, client_secret and refresh_token of a user`;
  return fail({ message });
}
