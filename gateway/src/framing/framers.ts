import { awsEventStreamFramer } from "./aws-eventstream.ts";
import type { Framer, FramingId } from "./framer.ts";
import { jsonArrayFramer } from "./json-array.ts";
import { ndjsonFramer } from "./ndjson.ts";
import { sseFramer } from "./sse.ts";

/** One framer per stream: each call makes a new one. */
export const framers = {
  sse: sseFramer,
  "json-array": jsonArrayFramer,
  ndjson: ndjsonFramer,
  "aws-eventstream": awsEventStreamFramer,
} satisfies Record<FramingId, (options?: { readonly frameBytesMax?: number }) => Framer>;
