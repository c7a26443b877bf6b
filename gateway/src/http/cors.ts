import type { Headers } from "../relay/ports.ts";

export type CorsOptions = {
  /** Exact origins (`https://app.example`), or `*`. Empty: CORS is off. */
  readonly origins: readonly string[];
};

const PREFLIGHT_SECONDS = 600;

/** A list of header names; nothing else of the client's is repeated in an answer. */
const HEADER_NAMES = /^[A-Za-z0-9-]+(?: *, *[A-Za-z0-9-]+)*$/;

/**
 * Headers that let a browser's page read the answer, names and values alternating; `undefined` where the request is none
 * of a page's that may. Credentials are never allowed: keys travel in headers that the page sets, not in cookies.
 */
export function corsHeaders(cors: CorsOptions, origin: string | undefined): readonly string[] | undefined {
  if (origin === undefined || cors.origins.length === 0) return undefined;
  if (cors.origins.includes("*")) return ["access-control-allow-origin", "*", "access-control-expose-headers", "*"];
  // The answer differs by origin, also for those that are refused: a cache must not mix them.
  if (!cors.origins.includes(origin)) return ["vary", "origin"];
  return ["access-control-allow-origin", origin, "vary", "origin", "access-control-expose-headers", "*"];
}

/** The rest of the answer to a preflight; `undefined` where the request is none. */
export function preflightHeaders(request: Headers, methods: readonly string[]): Headers | undefined {
  if (request["origin"] === undefined || request["access-control-request-method"] === undefined) return undefined;
  const asked = request["access-control-request-headers"];
  return {
    "access-control-allow-methods": methods.join(", "),
    // Repeated instead of `*`, which leaves out Authorization.
    "access-control-allow-headers": asked !== undefined && HEADER_NAMES.test(asked) ? asked : undefined,
    "access-control-max-age": String(PREFLIGHT_SECONDS),
  };
}
