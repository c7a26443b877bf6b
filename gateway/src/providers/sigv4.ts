/*
 * AWS Signature Version 4, as https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html has
 * it. Pure: the hash functions come from `auth.ts`, which is where cryptography is allowed.
 */

export type AwsKeys = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string;
};

/** Where and when a signature holds. */
export type SigningScope = {
  readonly service: string;
  readonly region: string;
  /** Unix milliseconds. AWS accepts five minutes to either side of its own clock. */
  readonly wallMs: number;
};

export type RequestToSign = {
  readonly method: string;
  readonly origin: string;
  /** Path and query, percent-encoded as they are sent. */
  readonly path: string;
  /** Those that are signed besides `host`, by lower-case name. What something on the way may change does not belong here. */
  readonly headers: { readonly [name: string]: string };
  readonly body: readonly Uint8Array[];
};

export type Hashing = {
  /** Hexadecimal. */
  sha256(pieces: readonly (Uint8Array | string)[]): string;
  hmac(key: Uint8Array | string, text: string): Uint8Array;
};

const ALGORITHM = "AWS4-HMAC-SHA256";

/** The credential in the form of one text: `AKIA…:secret` or `ASIA…:secret:session token`. Undefined for anything else. */
export function readAwsKeys(text: string): AwsKeys | undefined {
  const parts = /^(?<id>[A-Z0-9]{16,128}):(?<secret>[^:\s]+)(?::(?<session>[^:\s]+))?$/.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const { id = "", secret = "", session } = parts;
  return {
    accessKeyId: id,
    secretAccessKey: secret,
    ...(session === undefined ? {} : { sessionToken: session }),
  };
}

/** The headers that a signed request has besides its own. */
export function signatureHeaders(
  request: RequestToSign,
  keys: AwsKeys,
  scope: SigningScope,
  hashing: Hashing,
): { readonly [name: string]: string } {
  const time = new Date(scope.wallMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = time.slice(0, 8);
  const added = {
    "x-amz-date": time,
    ...(keys.sessionToken === undefined ? {} : { "x-amz-security-token": keys.sessionToken }),
  };
  const headers = { ...request.headers, ...added, host: new URL(request.origin).host };
  const names = Object.keys(headers).sort().join(";");
  const place = `${day}/${scope.region}/${scope.service}/aws4_request`;
  const toSign = [ALGORITHM, time, place, hashing.sha256([canonicalRequest(request, headers, hashing)])].join("\n");
  const steps = [day, scope.region, scope.service, "aws4_request", toSign];
  const signature = steps.reduce<Uint8Array | string>(hashing.hmac, `AWS4${keys.secretAccessKey}`);
  const hex = Buffer.from(signature).toString("hex");
  const authorization = `${ALGORITHM} Credential=${keys.accessKeyId}/${place}, SignedHeaders=${names}, Signature=${hex}`;
  return { ...added, authorization };
}

/** The request as both sides write it down before they hash it. */
function canonicalRequest(
  { method, path, body }: RequestToSign,
  headers: { readonly [name: string]: string },
  hashing: Hashing,
): string {
  const mark = path.indexOf("?");
  const pathname = mark < 0 ? path : path.slice(0, mark);
  const lines = Object.entries(headers)
    .sort(byName)
    .map(([name, value]) => `${name}:${value.trim().replace(/\s+/g, " ")}\n`);
  return [
    method,
    // Every service but S3 wants the path as it is sent encoded once more: the `%3A` of a model's colon becomes `%253A`.
    pathname.split("/").map(encode).join("/"),
    mark < 0 ? "" : canonicalQuery(path.slice(mark + 1)),
    lines.join(""),
    Object.keys(headers).sort().join(";"),
    hashing.sha256(body),
  ].join("\n");
}

function canonicalQuery(query: string): string {
  const pairs = query.split("&").filter((pair) => pair !== "");
  return pairs
    .map((pair): readonly [string, string] => {
      const equals = pair.indexOf("=");
      const name = equals < 0 ? pair : pair.slice(0, equals);
      return [encode(decode(name)), equals < 0 ? "" : encode(decode(pair.slice(equals + 1)))];
    })
    .sort((left, right) => byName(left, right) || byName([left[1]], [right[1]]))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** By code point, as AWS sorts. */
function byName([left]: readonly string[], [right]: readonly string[]): number {
  if (left === right) return 0;
  return (left ?? "") < (right ?? "") ? -1 : 1;
}

/** Everything but the unreserved characters of RFC 3986; `encodeURIComponent` leaves five more. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not an encoded text: it stands for itself.
    return text;
  }
}
