/** What the demo answers outside chat: a body in one or more pieces. */
export type DemoReply = {
  readonly status: number;
  readonly contentType: string;
  readonly pieces: readonly (Uint8Array | string)[];
};

/** What it is asked, whole. */
export type DemoRequest = {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
};

export function json(body: object, status = 200): DemoReply {
  return { status, contentType: "application/json", pieces: [JSON.stringify(body)] };
}

export function text(body: string): DemoReply {
  return { status: 200, contentType: "text/plain; charset=utf-8", pieces: [body] };
}

/** Server-sent events, each with its name where the API names them. */
export function events(bodies: readonly object[], options: { readonly done?: boolean } = {}): DemoReply {
  const pieces = bodies.map((body) => {
    const name = "type" in body && typeof body.type === "string" ? `event: ${body.type}\n` : "";
    return `${name}data: ${JSON.stringify(body)}\n\n`;
  });
  if (options.done === true) pieces.push("data: [DONE]\n\n");
  return { status: 200, contentType: "text/event-stream", pieces };
}

/** An error in OpenAI's shape. */
export function refusal(status: number, message: string, param: string | null = null): DemoReply {
  const type = status === 404 ? "not_found_error" : "invalid_request_error";
  return json({ error: { message: `The demo says: ${message}`, type, param, code: null } }, status);
}
