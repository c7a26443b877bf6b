/**
 * Has a Node process collect its garbage, through its inspector: what stays resident afterwards is what it holds, not what
 * it has not yet thrown away. The process needs no code of its own for it.
 */
export async function collectGarbage(inspectorPort: number): Promise<void> {
  const [page] = (await (await fetch(`http://127.0.0.1:${inspectorPort}/json`)).json()) as {
    webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(page?.webSocketDebuggerUrl ?? "");
  await event(socket, "open");
  // Twice: the first pass runs finalizers, which let go of more.
  for (const id of [1, 2]) {
    socket.send(JSON.stringify({ id, method: "HeapProfiler.collectGarbage" }));
    await event(socket, "message");
  }
  socket.close();
  await event(socket, "close");
}

function event(socket: WebSocket, name: "open" | "message" | "close"): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.addEventListener(name, () => resolve(), { once: true });
    socket.addEventListener("error", () => reject(new Error("the inspector does not answer")), { once: true });
  });
}
