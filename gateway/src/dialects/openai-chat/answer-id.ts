/** An answer's id as OpenAI's look, from whatever the provider calls its answer. The same for every way of writing it. */
export function writeAnswerId(id: string, requestId: string): string {
  if (id.startsWith("chatcmpl-")) return id;
  const core = (id === "" ? requestId : id).replace(/^(msg_|resp_|gen-|req_)/, "");
  return `chatcmpl-${core}`;
}
