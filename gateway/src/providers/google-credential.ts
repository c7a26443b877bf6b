import { asObject, asString, parseJson } from "../lib/json.ts";

/*
 * What Google calls a credential: an access token that somebody else has fetched, or the JSON file of a service account or of
 * a signed-in user, for which Google's token endpoint gives access tokens. Pure: `auth.ts` signs.
 */

export type GoogleCredential =
  | { readonly kind: "access-token" }
  | {
      readonly kind: "service-account";
      readonly email: string;
      /** PEM. */
      readonly privateKey: string;
      readonly keyId: string | undefined;
      readonly tokenUrl: string;
      readonly project: string | undefined;
    }
  /** `gcloud auth application-default login` writes these. */
  | {
      readonly kind: "user";
      readonly clientId: string;
      readonly clientSecret: string;
      readonly refreshToken: string;
      readonly tokenUrl: string;
      readonly project: string | undefined;
    };

/** A credential that access tokens are fetched for. */
export type ExchangedCredential = Exclude<GoogleCredential, { readonly kind: "access-token" }>;

const TOKEN_URL = "https://oauth2.googleapis.com/token";
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
/** The longest that Google lets an assertion live, and as long as the token that it gives for it. */
export const ASSERTION_SECONDS = 3600;

/** What a credential's text is; undefined for JSON that is none of Google's credentials, or lacks a part of one. */
export function readGoogleCredential(text: string): GoogleCredential | undefined {
  if (!text.trimStart().startsWith("{")) return { kind: "access-token" };
  const file = asObject(parseJson(text));
  const member = (key: string) => asString(file?.[key]);
  const project = member("project_id") ?? member("quota_project_id");
  if (member("type") === "service_account") {
    const email = member("client_email");
    const privateKey = member("private_key");
    if (email === undefined || privateKey === undefined) return undefined;
    const tokenUrl = member("token_uri") ?? TOKEN_URL;
    return { kind: "service-account", email, privateKey, keyId: member("private_key_id"), tokenUrl, project };
  }
  const clientId = member("client_id");
  const clientSecret = member("client_secret");
  const refreshToken = member("refresh_token");
  if (clientId === undefined || clientSecret === undefined || refreshToken === undefined) return undefined;
  return { kind: "user", clientId, clientSecret, refreshToken, tokenUrl: TOKEN_URL, project };
}

/** The form that the token endpoint is sent. `sign` makes an RS256 signature in base64url. */
export function tokenForm(
  credential: ExchangedCredential,
  wallMs: number,
  sign: (text: string, privateKey: string) => string,
): string {
  if (credential.kind === "user") {
    const { clientId, clientSecret, refreshToken } = credential;
    return new URLSearchParams({
      grant_type: "refresh_token",
      client_id: clientId,
      client_secret: clientSecret,
      refresh_token: refreshToken,
    }).toString();
  }
  const issuedAt = Math.floor(wallMs / 1000);
  const header = { alg: "RS256", typ: "JWT", ...(credential.keyId === undefined ? {} : { kid: credential.keyId }) };
  const claims = {
    iss: credential.email,
    scope: SCOPE,
    aud: credential.tokenUrl,
    iat: issuedAt,
    exp: issuedAt + ASSERTION_SECONDS,
  };
  const unsigned = `${base64Url(header)}.${base64Url(claims)}`;
  return new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: `${unsigned}.${sign(unsigned, credential.privateKey)}`,
  }).toString();
}

function base64Url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
