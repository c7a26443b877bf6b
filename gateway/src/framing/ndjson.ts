import { asBuffer } from "../lib/as-buffer.ts";
import { parseJson } from "../lib/json.ts";
import { NO_BYTES } from "./bytes.ts";
import { fragments, keepFragment, takeFragments } from "./fragments.ts";
import { FRAME_BYTES_MAX, type Frame, type Framer } from "./framer.ts";

const LF = 0x0a;

/**
 * One JSON document per line (Ollama's own API, batch files). A frame is a line with its LF; blank lines carry nothing.
 * White space around the document, such as the CR of CRLF, is not in the payload.
 */
export function ndjsonFramer(options: { readonly frameBytesMax?: number } = {}): Framer {
  const held = fragments(options.frameBytesMax ?? FRAME_BYTES_MAX);
  return {
    push(chunk) {
      const bytes = asBuffer(chunk);
      const frames: Frame[] = [];
      let position = 0;
      for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, position)) {
        frames.push(lineFrame(takeFragments(held, bytes.subarray(position, end + 1))));
        position = end + 1;
      }
      keepFragment(held, bytes.subarray(position));
      return frames;
    },
    end() {
      const frame = lineFrame(takeFragments(held, NO_BYTES));
      return frame.payload !== undefined && parseJson(frame.payload.data) !== undefined
        ? { frames: [frame], rest: NO_BYTES }
        : { frames: [], rest: frame.bytes };
    },
  };
}

function lineFrame(bytes: Buffer): Frame {
  const data = bytes.toString("utf8").trim();
  return { bytes, payload: data === "" ? undefined : { event: "", data } };
}
