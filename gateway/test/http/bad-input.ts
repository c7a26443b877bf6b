import type { FormPart } from "../support/form.ts";

/* What a row of bad inputs is, and what rows are made of. */

export type Format = "openai" | "anthropic" | "gemini";

export type BadInput = {
  readonly name: string;
  readonly status: number;
  readonly code: string;
  /** Told by the path unless said otherwise: what does not get as far as a path is answered in OpenAI's. */
  readonly format?: Format;
} & ({ readonly raw: string | Buffer; readonly ends?: true } | Post);

export type Post = {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
};

/** What the gateway of these tests takes at most. */
export const BODY_BYTES_MAX = 200_000;

export const CHAT = "/v1/chat/completions";
export const MESSAGES = "/v1/messages";
export const RESPONSES = "/v1/responses";
export const GEMINI = "/v1beta/models/m:generateContent";
export const UPLOAD = "/v1/audio/transcriptions";

/** A Chat request that would be accepted, with `more` members at its end. */
export const chat = (more: string): string => `{"model":"m","messages":[{"role":"user","content":"hi"}]${more}}`;

/** The field of a form that names its model. */
export const modelPart: FormPart = { name: "model", value: "m" };
