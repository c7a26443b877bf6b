import { asString, type JsonObject } from "../lib/json.ts";
import type { FormField } from "./form.ts";
import { events, json, text, type DemoReply } from "./reply.ts";

/* Pictures and sound that are valid and mean nothing. */

/** One pixel, the smallest PNG that every viewer opens. */
const PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const PICTURES_MAX = 10;

/** `POST /images/generations` and `/images/edits`: `n` pictures, or the events of one. */
export function demoImages(kind: "image_generation" | "image_edit", prompt: string, request: JsonObject): DemoReply {
  const usage = { input_tokens: tokens(prompt), output_tokens: 1, total_tokens: tokens(prompt) + 1 };
  const about = { created_at: 0, size: "1x1", quality: "low", background: "opaque", output_format: "png" };
  if (request["stream"] === true || request["stream"] === "true") {
    return events([
      { type: `${kind}.partial_image`, b64_json: PICTURE, partial_image_index: 0, ...about },
      { type: `${kind}.completed`, b64_json: PICTURE, ...about, usage },
    ]);
  }
  const count = Math.min(PICTURES_MAX, Math.max(1, Number(request["n"] ?? 1) || 1));
  return json({ created: 0, data: Array.from({ length: count }, () => ({ b64_json: PICTURE })), usage });
}

/** `POST /audio/speech`: half a second of a tone, as WAV or bare PCM whatever was asked for, or as events. */
export function demoSpeech(request: JsonObject): DemoReply {
  const sound = request["response_format"] === "pcm" ? tone() : wav(tone());
  if (request["stream_format"] === "sse") {
    const input = tokens(asString(request["input"]) ?? "");
    return events([
      { type: "speech.audio.delta", audio: sound.toString("base64") },
      { type: "speech.audio.done", usage: { input_tokens: input, output_tokens: 1, total_tokens: input + 1 } },
    ]);
  }
  return {
    status: 200,
    contentType: request["response_format"] === "pcm" ? "audio/pcm" : "audio/wav",
    pieces: [sound],
  };
}

/** `POST /audio/transcriptions` and `/audio/translations`, in the format that the form asks for. */
export function demoTranscript(fields: ReadonlyMap<string, FormField>): DemoReply {
  const file = fields.get("file");
  const value = (name: string) => fields.get(name)?.bytes.toString("utf8") ?? "";
  const said = `This is Dragoman's built-in demo, which hears nothing: it was sent ${file?.filename ?? "a file"} of ${file?.bytes.length ?? 0} bytes.`;
  const usage = { type: "tokens", input_tokens: 1, output_tokens: tokens(said), total_tokens: tokens(said) + 1 };
  if (value("stream") === "true") {
    const words = said.split(/(?<= )/);
    const deltas = words.map((delta) => ({ type: "transcript.text.delta", delta }));
    return events([...deltas, { type: "transcript.text.done", text: said, usage }]);
  }
  switch (value("response_format")) {
    case "text":
      return text(`${said}\n`);
    case "srt":
      return text(`1\n00:00:00,000 --> 00:00:01,000\n${said}\n`);
    case "vtt":
      return text(`WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n${said}\n`);
    case "verbose_json":
      return json({
        task: "transcribe",
        language: "english",
        duration: 1,
        text: said,
        segments: [],
        usage: { type: "duration", seconds: 1 },
      });
    default:
      return json({ text: said, usage });
  }
}

const SAMPLES_PER_SECOND = 24_000;

/** 16-bit mono, 440 Hz, quiet, swelling and fading so that it does not click. */
function tone(): Buffer {
  const samples = SAMPLES_PER_SECOND / 2;
  const bytes = Buffer.alloc(samples * 2);
  for (let index = 0; index < samples; index += 1) {
    const envelope = Math.sin((Math.PI * index) / samples);
    const wave = Math.sin((2 * Math.PI * 440 * index) / SAMPLES_PER_SECOND);
    bytes.writeInt16LE(Math.round(8_000 * envelope * wave), index * 2);
  }
  return bytes;
}

/** The header of a WAV file with PCM sound (RIFF, 44 bytes), and the sound. */
function wav(sound: Buffer): Buffer {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + sound.length, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLES_PER_SECOND, 24);
  header.writeUInt32LE(SAMPLES_PER_SECOND * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(sound.length, 40);
  return Buffer.concat([header, sound]);
}

function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}
