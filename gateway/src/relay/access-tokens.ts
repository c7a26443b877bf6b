import { failure, type Failure } from "../canonical/failure.ts";
import type { Clock } from "../lib/clock.ts";
import { asNumber, asObject, asString, parseJson, type JsonObject } from "../lib/json.ts";
import { Secret } from "../lib/secret.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { signedTokenForm } from "../providers/auth.ts";
import { readGoogleCredential, type ExchangedCredential } from "../providers/google-credential.ts";
import type { Transport, UpstreamCall } from "./ports.ts";

/** A token is replaced while it is still good for this long, and then nobody has to wait for the next one. */
export const EARLY_REFRESH_MS = 300_000;
/** A token that is good for less may not outlive the request that carries it to the provider. */
export const USABLE_MS_MIN = 30_000;
export const TOKEN_TIMEOUT_MS = 10_000;
export const TOKEN_ANSWER_BYTES_MAX = 65_536;

/** Access tokens for credentials that are not sent themselves. */
export interface AccessTokens {
  /** The token for a credential; the credential itself where it is a token. Fetched once, however many ask at a time. */
  get(credential: Secret): Secret | Promise<Result<Secret, Failure>>;
  /** The provider did not accept what came of this credential: the next request gets another. */
  forget(credential: Secret): void;
}

type Entry = {
  token: { readonly secret: Secret; readonly expiresAt: number } | undefined;
  fetching: Promise<Result<Secret, Failure>> | undefined;
};

/** Tokens live as long as the credential that they were fetched for: a new configuration brings new ones. */
export function accessTokens(transport: Transport, clock: Clock): AccessTokens {
  const entries = new WeakMap<Secret, Entry>();
  return {
    get(credential) {
      const entry = entries.get(credential) ?? { token: undefined, fetching: undefined };
      const leftMs = entry.token === undefined ? 0 : entry.token.expiresAt - clock.now();
      if (entry.token !== undefined && leftMs > EARLY_REFRESH_MS) return entry.token.secret;
      const read = readGoogleCredential(credential.reveal());
      if (read === undefined) return Promise.resolve(fail(refused("it is not a credential of Google's")));
      if (read.kind === "access-token") return credential;
      entries.set(credential, entry);
      entry.fetching ??= refresh(entry, read, transport, clock);
      return entry.token !== undefined && leftMs > USABLE_MS_MIN ? entry.token.secret : entry.fetching;
    },
    forget(credential) {
      const entry = entries.get(credential);
      if (entry !== undefined) entry.token = undefined;
    },
  };
}

async function refresh(
  entry: Entry,
  credential: ExchangedCredential,
  transport: Transport,
  clock: Clock,
): Promise<Result<Secret, Failure>> {
  const fetched = await fetchToken(credential, transport, clock).finally(() => {
    entry.fetching = undefined;
  });
  if (!fetched.ok) return fetched;
  entry.token = fetched.value;
  return ok(fetched.value.secret);
}

async function fetchToken(
  credential: ExchangedCredential,
  transport: Transport,
  clock: Clock,
): Promise<Result<NonNullable<Entry["token"]>, Failure>> {
  const askedAt = clock.now();
  const form = signedTokenForm(credential, clock.wall());
  if (!form.ok) return fail(refused("its private key cannot sign"));
  const url = URL.parse(credential.tokenUrl);
  if (url === null || url.protocol !== "https:") return fail(refused("its token_uri is no https URL"));
  const answer = await ask(transport, clock, {
    method: "POST",
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: [Buffer.from(form.value)],
    connectTimeoutMs: TOKEN_TIMEOUT_MS,
  });
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  const token = asString(body?.["access_token"]);
  if (status !== 200 || token === undefined) return fail(notGiven(status, asString(body?.["error"])));
  const seconds = asNumber(body?.["expires_in"]) ?? 0;
  return ok({ secret: new Secret(token), expiresAt: askedAt + seconds * 1000 });
}

/** What Google says of the account stays here; its code tells the operator enough. */
function notGiven(status: number, code: string | undefined): Failure {
  const said = code === undefined ? `status ${status}` : `status ${status}, ${code.slice(0, 64)}`;
  if (status >= 400 && status < 500 && status !== 429) return refused(`the token endpoint answered ${said}`);
  return failure("provider_overloaded", `The provider's token endpoint gave no access token (${said}). Try again.`);
}

function refused(why: string): Failure {
  const message = `The gateway's own credential gets no access token: ${why}. Whoever runs the gateway has to mend it; sending the request again does not help.`;
  return failure("provider_rejected_managed_credential", message, { retryable: false });
}

type Document = { readonly status: number; readonly body: JsonObject | undefined };

/** One call, whole: nobody's request, so that nobody who leaves can end it for the others. */
function ask(transport: Transport, clock: Clock, call: UpstreamCall): Promise<Result<Document, Failure>> {
  const { promise, resolve } = Promise.withResolvers<Result<Document, Failure>>();
  const answer = { status: 0, pieces: [] as Uint8Array[], bytes: 0 };
  const end = (result: Result<Document, Failure>) => {
    timer.clear();
    resolve(result);
  };
  const giveUp = (why: string) => {
    connection.abort();
    end(fail(failure("provider_unreachable", `The provider's token endpoint ${why}.`)));
  };
  const timer = clock.setTimer(() => giveUp("did not answer in time"), TOKEN_TIMEOUT_MS);
  const connection = transport.dispatch(call, {
    onHeaders(status) {
      answer.status = status;
    },
    onData(bytes) {
      answer.bytes += bytes.length;
      if (answer.bytes > TOKEN_ANSWER_BYTES_MAX) giveUp("answered too much");
      else answer.pieces.push(bytes);
    },
    onEnd() {
      const body = asObject(parseJson(Buffer.concat(answer.pieces).toString("utf8")));
      end(ok({ status: answer.status, body }));
    },
    onError: ({ detail }) =>
      end(fail(failure("provider_unreachable", `The provider's token endpoint cannot be reached (${detail}).`))),
  });
  return promise;
}
