import type { Stage } from "./play.ts";

export type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** The gateway in memory as the network of an official SDK. */
export function gatewayFetch(staged: Stage): Fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { reply } = await staged.ask({
      method: init?.method ?? "GET",
      target: url.pathname + url.search,
      headers: Object.fromEntries(new Headers(init?.headers)),
      body: typeof init?.body === "string" ? init.body : "",
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(reply.headers)) if (value !== undefined) headers.set(name, value);
    // A connection that is cut is told as the network tells it: by a body that breaks off.
    const body = reply.destroyed ? broken(reply.body) : new Uint8Array(reply.body);
    return new Response(body, { status: reply.status, headers });
  };
}

function broken(body: Buffer): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(body));
      controller.error(new Error("the connection was cut"));
    },
  });
}
