import { isUtf8 } from "node:buffer";
import { failure, type Failure } from "../canonical/failure.ts";
import { formReader, type FormEvent, type FormReader } from "../framing/multipart.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { ByteSupply, InboundBody } from "./ports.ts";
import { Spool } from "./spool.ts";

/** Longer than any model id. */
const MODEL_BYTES_MAX = 512;

/** What goes upstream, in order: bytes as they came, and one place where the model's name stands. */
type Piece = Uint8Array | { readonly model: string };

/** What is written where the client wrote `model`; or why the request ends here. */
export type ModelWriter = (model: string) => Result<string, Failure>;

export type FormUploadOptions = {
  /** Whether the field `model` means something here. */
  readonly hasModel: boolean;
  readonly modelRequired: boolean;
  /** Unique in this process, for the temporary file. */
  readonly name: string;
};

/**
 * A form on its way from client to provider. Only the content of the field `model` is touched: parts, their order, names,
 * headers and the boundary stay as they were sent. The form is read along so that it cannot be one thing here and another one
 * where it is sent: it has to be whole, and to name its model once.
 */
export class FormUpload {
  readonly #inbound: InboundBody;
  readonly #reader: FormReader;
  readonly #hasModel: boolean;
  readonly #modelRequired: boolean;
  readonly #spool: Spool;
  /** Taken from the client and not yet sent on, behind what is in the spool. */
  #pieces: Piece[] = [];
  #model: { readonly written: string } | undefined;
  /** The model's content while it is being read. */
  #modelBytes: Uint8Array[] | undefined;
  #ended = false;
  #begun = false;

  constructor(inbound: InboundBody, boundary: string, options: FormUploadOptions) {
    this.#inbound = inbound;
    this.#reader = formReader(boundary);
    this.#hasModel = options.hasModel;
    this.#modelRequired = options.modelRequired;
    this.#spool = new Spool(options.name);
  }

  /** Reads until the form has named its model, and keeps what came before. "" when it names none. */
  async readModel(): Promise<Result<string, Failure>> {
    while (this.#model === undefined && !this.#ended) {
      const taken = await this.#take();
      if (!taken.ok) return taken;
      const kept = await this.#spoolPieces();
      if (!kept.ok) return kept;
    }
    return ok(this.#model?.written ?? "");
  }

  /** The form's bytes for a provider. May be opened again as long as nothing of it was read. */
  open(write: ModelWriter): ByteSupply {
    return {
      bytes: this.#length(write),
      read: () => this.#read(write),
      // A call that came to nothing before it was sent leaves the form to the next one.
      drop: () => {
        if (this.#begun) this.close();
      },
    };
  }

  /** Nothing more is sent. */
  close(): void {
    this.#pieces = [];
    this.#inbound.drop();
    void this.#spool.close();
  }

  /** Known where the client announced a length and the change of the model's name is known too. */
  #length(write: ModelWriter): number | undefined {
    const { bytes } = this.#inbound;
    if (bytes === undefined || !this.#hasModel) return bytes;
    if (this.#model === undefined) return this.#ended ? bytes : undefined;
    const written = write(this.#model.written);
    return written.ok ? bytes - Buffer.byteLength(this.#model.written) + Buffer.byteLength(written.value) : undefined;
  }

  async #read(write: ModelWriter): Promise<Result<Uint8Array | undefined, Failure>> {
    this.#begun = true;
    const spooled = await this.#spool.read();
    if (!spooled.ok || spooled.value !== undefined) return spooled;
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece instanceof Uint8Array) return ok(piece);
      if (piece !== undefined) {
        const written = write(piece.model);
        return written.ok ? ok(Buffer.from(written.value)) : written;
      }
      if (this.#ended) return ok(undefined);
      const taken = await this.#take();
      if (!taken.ok) return taken;
    }
  }

  /** One read of the client's, as pieces. */
  async #take(): Promise<Result<undefined, Failure>> {
    const read = await this.#inbound.read();
    if (!read.ok) return read;
    this.#ended = read.value === undefined;
    const events = read.value === undefined ? this.#reader.end() : this.#reader.push(read.value);
    if (!events.ok) return fail(invalidForm(events.error));
    for (const event of events.value) {
      const problem = this.#follow(event);
      if (problem !== undefined) return fail(problem);
    }
    if (this.#ended && this.#modelRequired && this.#model === undefined) return fail(missingModel());
    return ok(undefined);
  }

  #follow(event: FormEvent): Failure | undefined {
    switch (event.kind) {
      case "part":
        if (!this.#hasModel || event.head.name !== "model") return undefined;
        if (this.#model !== undefined || this.#modelBytes !== undefined) return repeatedModel();
        if (event.head.filename !== undefined) return invalidForm('the field "model" is a file');
        this.#modelBytes = [];
        return undefined;
      case "part-end":
        return this.#endModel();
      case "content":
        if (this.#modelBytes === undefined) {
          this.#pieces.push(event.bytes);
          return undefined;
        }
        this.#modelBytes.push(event.bytes);
        return lengthOf(this.#modelBytes) > MODEL_BYTES_MAX ? longModel() : undefined;
      case "framing":
        this.#pieces.push(event.bytes);
        return undefined;
      default:
        return event satisfies never;
    }
  }

  #endModel(): Failure | undefined {
    if (this.#modelBytes === undefined) return undefined;
    const bytes = Buffer.concat(this.#modelBytes);
    this.#modelBytes = undefined;
    if (!isUtf8(bytes)) return failure("invalid_utf8", 'The field "model" is not valid UTF-8.', { param: "model" });
    const model = bytes.toString("utf8");
    this.#model = { written: model };
    this.#pieces.push({ model });
    return undefined;
  }

  /** What stands before the model leaves the memory. */
  async #spoolPieces(): Promise<Result<undefined, Failure>> {
    while (this.#pieces[0] instanceof Uint8Array) {
      const piece = this.#pieces.shift();
      const kept = piece instanceof Uint8Array ? await this.#spool.append(piece) : ok(undefined);
      if (!kept.ok) return kept;
    }
    return ok(undefined);
  }
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function invalidForm(problem: string): Failure {
  return failure("invalid_form", `The request body is not a form that can be passed on: ${problem}.`);
}

function repeatedModel(): Failure {
  return failure("duplicate_key", 'The form has the field "model" more than once. Send it once.', { param: "model" });
}

function missingModel(): Failure {
  return failure("missing_parameter", 'The form has no field "model".', { param: "model" });
}

function longModel(): Failure {
  const message = `The field "model" is longer than ${MODEL_BYTES_MAX} bytes, which no model's name is.`;
  return failure("invalid_parameter", message, { param: "model" });
}
