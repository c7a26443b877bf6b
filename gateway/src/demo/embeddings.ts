import { stableDigest } from "../lib/hash.ts";
import { asArray, asObject, asString, type Json, type JsonObject } from "../lib/json.ts";

/*
 * Embeddings that mean nothing and are always the same for the same text: enough to rehearse storing and comparing them.
 */

const DIMENSIONS = 256;

/** `POST /embeddings`: floats, or base64 of little-endian float32 where asked (openai-node asks by default). */
export function demoEmbeddings(request: JsonObject): JsonObject {
  const input = request["input"];
  const texts = Array.isArray(input) && typeof input[0] !== "number" ? input.map(toText) : [toText(input ?? "")];
  const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
  const base64 = request["encoding_format"] === "base64";
  return {
    object: "list",
    data: texts.map((text, index) => {
      const vector = vectorOf(text);
      return { object: "embedding", index, embedding: base64 ? toBase64(vector) : [...vector] };
    }),
    model: asString(request["model"]) ?? "demo",
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** `:embedContent` */
export function demoEmbedContent(request: JsonObject): JsonObject {
  return { embedding: { values: [...vectorOf(partsText(request["content"]))] } };
}

/** `:batchEmbedContents` */
export function demoBatchEmbedContents(request: JsonObject): JsonObject {
  const requests = asArray(request["requests"]) ?? [];
  return {
    embeddings: requests.map((each) => ({ values: [...vectorOf(partsText(asObject(each)?.["content"]))] })),
  };
}

function toText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function partsText(content: unknown): string {
  const parts = asArray(asObject(content)?.["parts"]) ?? [];
  return parts.map((part) => asString(asObject(part)?.["text"]) ?? "").join("\n");
}

/** A unit vector derived from the text's digest. */
function vectorOf(text: string): Float32Array {
  const vector = new Float32Array(DIMENSIONS);
  let norm = 0;
  for (let index = 0; index < DIMENSIONS; index += 1) {
    const value = (parseInt(stableDigest(`${index}:${text}`).slice(-6), 36) / 36 ** 6) * 2 - 1;
    vector[index] = value;
    norm += value * value;
  }
  return vector.map((value) => value / Math.sqrt(norm));
}

function toBase64(vector: Float32Array): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  vector.forEach((value, index) => view.setFloat32(index * 4, value, true));
  return Buffer.from(view.buffer).toString("base64");
}
