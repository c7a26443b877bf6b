import type { Failure } from "../canonical/failure.ts";
import { failure } from "../canonical/failure.ts";
import { member, type WireRequest } from "../dialects/wire-request.ts";
import { readBoundary } from "../framing/multipart-head.ts";
import { spliceObject, type Edit } from "../framing/json-splice.ts";
import { isObject, type Json, type JsonObject } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { readWire } from "../operations/read-wire.ts";
import type { RelayedMatch } from "../operations/table.ts";
import type { Exchange } from "./exchange-state.ts";
import { FormUpload, type ModelWriter } from "./form-upload.ts";
import type { InboundBody, UpstreamCall } from "./ports.ts";

/** A request that is passed on in the format it came in. */
export type RelayedRequest = {
  /** As the client wrote it, "" where it names none; undefined where that shows only while the form is sent. */
  readonly model: string | undefined;
  /** Whether the body asks for events. */
  readonly stream: boolean;
  /** The JSON body, where it is one. */
  readonly wire: WireRequest | undefined;
  /** The body for a provider that calls the model `upstreamModel`; `write` is asked where the model is not known yet. */
  carry(upstreamModel: string, write: ModelWriter): Result<CarriedBody, Failure>;
  /** Lets go of what was not sent. */
  close(): void;
};

export type CarriedBody = {
  readonly body: UpstreamCall["body"];
  readonly contentType: string | undefined;
  /** Every change made, in words. A form that is still on its way adds to it. */
  readonly edits: string[];
};

/** `early`: the provider is known already, so that a form need not be read as far as its model before it is sent on. */
export function openRelayed(
  exchange: Exchange,
  match: RelayedMatch,
  query: URLSearchParams,
  early: boolean,
): Promise<Result<RelayedRequest, Failure>> {
  const { body } = match.operation;
  if (body === "none") return Promise.resolve(ok(bodyless(match)));
  const contentType = exchange.request.headers["content-type"] ?? "";
  // The endpoints that take forms also take a JSON object: pictures by their id, sound in base64.
  if (body === "form" && !/^application\/json\b/i.test(contentType))
    return openForm(exchange, match, contentType, early);
  return openJson(exchange, match, query);
}

function bodyless(match: RelayedMatch): RelayedRequest {
  return {
    model: match.operation.model === "path" ? match.subject : "",
    stream: false,
    wire: undefined,
    carry: () => ok({ body: undefined, contentType: undefined, edits: [] }),
    close() {},
  };
}

async function openJson(
  exchange: Exchange,
  match: RelayedMatch,
  query: URLSearchParams,
): Promise<Result<RelayedRequest, Failure>> {
  const { request, config } = exchange;
  const raw = await request.readBody(config.server.bodyBytesMax);
  if (!raw.ok) return raw;
  exchange.requestBytes = raw.value.length;
  const wire = readWire(match, query, request.headers, raw.value);
  if (!wire.ok) return wire;
  const model = modelOf(match, wire.value);
  if (!model.ok) return model;
  return ok({
    model: model.value,
    stream: member(wire.value, "stream") === true || member(wire.value, "stream_format") === "sse",
    wire: wire.value,
    carry: (upstreamModel) => carryJson(match, wire.value, model.value, upstreamModel),
    close() {},
  });
}

function modelOf({ operation, subject }: RelayedMatch, wire: WireRequest): Result<string, Failure> {
  if (operation.model === "path") return ok(subject);
  if (operation.model === "none") return ok("");
  const model = member(wire, "model") ?? "";
  if (typeof model === "string") return ok(model);
  return fail(failure("invalid_parameter", '"model" must be a string.', { param: "model" }));
}

function carryJson(
  { operation }: RelayedMatch,
  wire: WireRequest,
  model: string,
  upstreamModel: string,
): Result<CarriedBody, Failure> {
  const contentType = "application/json";
  if (operation.model === "none" || model === upstreamModel) return ok({ body: [wire.raw], contentType, edits: [] });
  const edits = [`model: ${upstreamModel}`];
  if (operation.model === "path") {
    const tree = wire.tree();
    if (!tree.ok) return tree;
    const renamed = withModel(tree.value, model, upstreamModel);
    if (renamed === tree.value) return ok({ body: [wire.raw], contentType, edits: [] });
    return ok({ body: [Buffer.from(JSON.stringify(renamed))], contentType, edits });
  }
  const edit: Edit = { kind: "replace", key: "model", value: JSON.stringify(upstreamModel) };
  return ok({ body: spliceObject(wire.raw, wire.scan, [edit]), contentType, edits });
}

/**
 * A Gemini body that says its model a second time, as `models/…`, at the top or in each request of a batch: it has to be the
 * path's. The same object when it does not say it.
 */
function withModel(body: JsonObject, model: string, upstreamModel: string): JsonObject {
  const names = new Set([model, `models/${model}`]);
  const rename = (value: Json | undefined): Json | undefined => {
    if (!isObject(value) || typeof value["model"] !== "string" || !names.has(value["model"])) return value;
    return { ...value, model: `models/${upstreamModel}` };
  };
  const top = rename(body);
  const renamed: JsonObject = isObject(top) ? { ...top } : { ...body };
  const { requests, generateContentRequest } = body;
  if (Array.isArray(requests)) renamed["requests"] = requests.map((each) => rename(each) ?? null);
  if (generateContentRequest !== undefined) renamed["generateContentRequest"] = rename(generateContentRequest);
  return JSON.stringify(renamed) === JSON.stringify(body) ? body : renamed;
}

async function openForm(
  exchange: Exchange,
  { operation }: RelayedMatch,
  contentType: string,
  early: boolean,
): Promise<Result<RelayedRequest, Failure>> {
  const { request, config, requestId } = exchange;
  const boundary = readBoundary(contentType);
  if (boundary === undefined) {
    const message = `${operation.path} takes multipart/form-data with a boundary, or application/json; the content-type says "${contentType.slice(0, 100)}".`;
    return fail(failure("invalid_form", message));
  }
  const inbound = counted(exchange, request.openBody(config.server.uploadBytesMax));
  const hasModel = operation.model === "form";
  const modelRequired = hasModel && operation.modelOptional !== true;
  const upload = new FormUpload(inbound, boundary, { hasModel, modelRequired, name: requestId });
  const model = hasModel ? (early ? ok(undefined) : await upload.readModel()) : ok("");
  if (!model.ok) {
    upload.close();
    return model;
  }
  return ok({
    model: model.value,
    stream: false,
    wire: undefined,
    carry: (_upstreamModel, write) => {
      const edits: string[] = [];
      const writeNoted: ModelWriter = (written) => {
        const name = write(written);
        if (name.ok && name.value !== written) edits[0] = `model: ${name.value}`;
        return name;
      };
      return ok({ body: upload.open(writeNoted), contentType, edits });
    },
    close: () => upload.close(),
  });
}

/** The record tells how much was taken, also of an upload that ends half way. */
function counted(exchange: Exchange, body: InboundBody): InboundBody {
  return {
    bytes: body.bytes,
    async read() {
      const piece = await body.read();
      if (piece.ok && piece.value !== undefined) exchange.requestBytes += piece.value.length;
      return piece;
    },
    drop: () => body.drop(),
  };
}
