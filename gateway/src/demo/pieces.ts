import type { CanonicalEvent } from "../canonical/event.ts";

/**
 * A whole answer's events as a model would send them: text word by word, arguments in a few pieces, so that clients show
 * what they do with a stream.
 */
export function inPieces(events: readonly CanonicalEvent[]): CanonicalEvent[] {
  return events.flatMap((event): CanonicalEvent[] => {
    switch (event.type) {
      case "text-delta":
        return words(event.text).map((text) => ({
          type: event.type,
          candidate: event.candidate,
          block: event.block,
          text,
        }));
      case "reasoning-delta":
        return words(event.text).map((text) => ({ ...event, text }));
      case "arguments-delta":
        return slices(event.text, 12).map((text) => ({ ...event, text }));
      default:
        return [event];
    }
  });
}

function words(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

function slices(text: string, length: number): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < text.length; start += length) pieces.push(text.slice(start, start + length));
  return pieces;
}
