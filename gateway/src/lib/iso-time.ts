/** Records of one second share all but their last digits, and a date is dear to spell. */
let second = Number.NaN;
let text = "";

/** `2026-11-20T09:14:14.190Z` of Unix milliseconds. */
export function isoTime(unixMs: number): string {
  const whole = Math.floor(unixMs / 1000);
  if (whole !== second) {
    text = new Date(whole * 1000).toISOString().slice(0, -4);
    second = whole;
  }
  return `${text}${String(Math.floor(unixMs) - whole * 1000).padStart(3, "0")}Z`;
}
