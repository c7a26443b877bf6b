import { asArray, asString, isObject, parseJson, type JsonObject } from "../lib/json.ts";
import { demoBatchEmbedContents, demoEmbedContent, demoEmbeddings } from "./embeddings.ts";
import type { DemoFiles } from "./files.ts";
import { readForm, type FormField } from "./form.ts";
import { demoImages, demoSpeech, demoTranscript } from "./media.ts";
import { events, json, refusal, type DemoReply, type DemoRequest } from "./reply.ts";

/** What the demo answers outside chat; undefined for everything else. `nowMs` is Unix time. */
export function demoOperation(request: DemoRequest, files: DemoFiles, nowMs: number): DemoReply | undefined {
  const { path, contentType, bytes, method } = request;
  if (path === "/files" || path.startsWith("/files/")) return fileOperation(request, files, nowMs);
  const onJson = jsonOperations[path.slice(Math.max(path.lastIndexOf(":"), 0))];
  const onForm = formOperations[path];
  if (method !== "POST" || (onJson === undefined && onForm === undefined)) return undefined;
  if (onForm !== undefined && !contentType.startsWith("application/json")) {
    const fields = readForm(contentType, bytes);
    return fields === undefined ? refusal(400, "That is no form.") : onForm(fields);
  }
  const body = parseJson(Buffer.from(bytes).toString("utf8"));
  if (!isObject(body)) return refusal(400, "Send a JSON object.");
  return onJson === undefined ? refusal(400, "Send a form with the file in it.") : onJson(body);
}

const jsonOperations: Readonly<Record<string, (body: JsonObject) => DemoReply>> = {
  "/embeddings": (body) => json(demoEmbeddings(body)),
  ":embedContent": (body) => json(demoEmbedContent(body)),
  ":batchEmbedContents": (body) => json(demoBatchEmbedContents(body)),
  "/moderations": moderations,
  "/rerank": rerank,
  "/completions": completions,
  "/images/generations": (body) => demoImages("image_generation", asString(body["prompt"]) ?? "", body),
  "/audio/speech": demoSpeech,
};

const formOperations: Readonly<Record<string, (fields: ReadonlyMap<string, FormField>) => DemoReply>> = {
  "/images/edits": (fields) => demoImages("image_edit", valueOf(fields, "prompt") ?? "", plainFields(fields)),
  "/audio/transcriptions": demoTranscript,
  "/audio/translations": demoTranscript,
};

function fileOperation(request: DemoRequest, files: DemoFiles, nowMs: number): DemoReply {
  const [, , id = "", what] = request.path.split("/");
  switch (`${request.method} ${id === "" ? "files" : (what ?? "file")}`) {
    case "POST files": {
      const fields = readForm(request.contentType, request.bytes);
      return fields === undefined ? refusal(400, "That is no form.") : files.create(fields, nowMs);
    }
    case "GET files":
      return files.list();
    case "GET file":
      return files.get(decodeURIComponent(id));
    case "GET content":
      return files.content(decodeURIComponent(id));
    case "DELETE file":
      return files.remove(decodeURIComponent(id));
    default:
      return refusal(404, "There is nothing here.");
  }
}

/** Flags whatever says so of itself, so that both outcomes can be rehearsed. */
function moderations(body: JsonObject): DemoReply {
  const { input } = body;
  const texts = Array.isArray(input) ? input : [input ?? ""];
  const results = texts.map((each) => {
    const flagged = /flag me/i.test(typeof each === "string" ? each : JSON.stringify(each));
    return {
      flagged,
      categories: { harassment: flagged, violence: false },
      category_scores: { harassment: flagged ? 1 : 0, violence: 0 },
      category_applied_input_types: { harassment: flagged ? ["text"] : [], violence: [] },
    };
  });
  return json({ id: "modr-demo", model: asString(body["model"]) ?? "demo", results });
}

/** The more words of the query a document has, the higher it stands. */
function rerank(body: JsonObject): DemoReply {
  const words = new Set((asString(body["query"]) ?? "").toLowerCase().match(/\w+/g) ?? []);
  const documents = asArray(body["documents"]) ?? [];
  const results = documents
    .map((document, index) => {
      const found =
        (typeof document === "string" ? document : JSON.stringify(document)).toLowerCase().match(/\w+/g) ?? [];
      const hits = new Set(found.filter((word) => words.has(word))).size;
      return { index, relevance_score: words.size === 0 ? 0 : hits / words.size };
    })
    .toSorted((left, right) => right.relevance_score - left.relevance_score)
    .slice(0, Number(body["top_n"] ?? documents.length));
  return json({ id: "rerank-demo", model: asString(body["model"]) ?? "demo", results });
}

/** `POST /completions`, the legacy one. */
function completions(body: JsonObject): DemoReply {
  const prompt = asString(body["prompt"]) ?? "";
  const said = ` This is Dragoman's built-in demo, not a real model. You wrote: ${prompt}`;
  const about = { id: "cmpl-demo", object: "text_completion", created: 0, model: asString(body["model"]) ?? "demo" };
  const usage = { prompt_tokens: Math.ceil(prompt.length / 4), completion_tokens: Math.ceil(said.length / 4) };
  const total = { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens };
  const choice = (text: string, finish: string | null) => ({ text, index: 0, logprobs: null, finish_reason: finish });
  if (body["stream"] !== true) return json({ ...about, choices: [choice(said, "stop")], usage: total });
  const chunks = said.split(/(?<= )/).map((text) => ({ ...about, choices: [choice(text, null)] }));
  return events([...chunks, { ...about, choices: [choice("", "stop")] }, { ...about, choices: [], usage: total }], {
    done: true,
  });
}

function valueOf(fields: ReadonlyMap<string, FormField>, name: string): string | undefined {
  return fields.get(name)?.bytes.toString("utf8");
}

function plainFields(fields: ReadonlyMap<string, FormField>): JsonObject {
  const plain = [...fields].filter(([, field]) => field.filename === undefined);
  return Object.fromEntries(plain.map(([name, field]) => [name, field.bytes.toString("utf8")]));
}
