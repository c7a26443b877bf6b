/*
 * A provider may split a character outside the basic plane over two deltas. Each half is a legal JSON string but no legal
 * UTF-8, and strict parsers (serde, in Codex) refuse it: so a trailing high surrogate waits for the next delta of its block.
 */

export type HeldText = { held: string };

/** The part of `text` that can be sent now; a trailing high surrogate is held back. */
export function releaseText(state: HeldText, text: string): string {
  const whole = state.held + text;
  const last = whole.charCodeAt(whole.length - 1);
  const isHigh = last >= 0xd800 && last <= 0xdbff;
  state.held = isHigh ? whole.slice(-1) : "";
  return (isHigh ? whole.slice(0, -1) : whole).toWellFormed();
}

/** What was held back and never completed, as U+FFFD; "" when nothing is. */
export function flushText(state: HeldText): string {
  const rest = state.held.toWellFormed();
  state.held = "";
  return rest;
}
