/** What a line typed into the conversation asks for. */
export type ChatLine =
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "nothing" }
  | { readonly kind: "exit" }
  | { readonly kind: "help" }
  | { readonly kind: "forget" }
  /** Without a name: which one it is, and which there are. */
  | { readonly kind: "model"; readonly name: string | undefined }
  | { readonly kind: "unknown"; readonly command: string };

export const chatHelp = [
  "  /model [name]  ask another model from here on; without a name, list them",
  "  /new           begin a new conversation",
  "  /exit          leave, as Ctrl-D does; Ctrl-C stops an answer",
  "  //…            say something that begins with a slash",
  "",
].join("\n");

/** Pure. A line that begins with a slash is a command; two slashes say one. */
export function readChatLine(line: string): ChatLine {
  const text = line.trim();
  if (text === "") return { kind: "nothing" };
  if (text.startsWith("//")) return { kind: "say", text: text.slice(1) };
  if (!text.startsWith("/")) return { kind: "say", text };
  const [command = "", name] = text.split(/\s+/, 2);
  switch (command) {
    case "/exit":
    case "/quit":
      return { kind: "exit" };
    case "/help":
      return { kind: "help" };
    case "/new":
      return { kind: "forget" };
    case "/model":
      return { kind: "model", name };
    default:
      return { kind: "unknown", command };
  }
}
