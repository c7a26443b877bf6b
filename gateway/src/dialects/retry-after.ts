/** A wait longer than a week is a mistake of whoever asks for it, not a wait. */
export const RETRY_AFTER_MS_MAX = 7 * 24 * 60 * 60 * 1000;

/**
 * How long a provider asks to wait, from `retry-after-ms` (OpenAI and its SDKs) or `retry-after` in seconds. HTTP dates are not
 * read: no model provider sends them, and a date means nothing without a clock. Negative, absurd and malformed values are absent.
 */
export function readRetryAfterMs(headers: { readonly [name: string]: string | undefined }): number | undefined {
  return waitMs(headers["retry-after-ms"], 1) ?? waitMs(headers["retry-after"], 1000);
}

/** The same from `text`, a plain decimal number of units of `unitMs` milliseconds. */
export function waitMs(text: string | undefined, unitMs: number): number | undefined {
  if (text === undefined || !/^\s*\d+(\.\d+)?\s*$/.test(text)) return undefined;
  const wait = Math.ceil(Number(text) * unitMs);
  return wait <= RETRY_AFTER_MS_MAX ? wait : undefined;
}
