/** Headers that name a conversation, most specific first. */
const sessionHeaders = [
  "x-claude-code-session-id",
  "session-id",
  "thread-id",
  "x-session-id",
  "x-openwebui-chat-id",
  "x-dragoman-session",
] as const;

const SESSION_CHARACTERS_MAX = 256;

/** The conversation a request belongs to: what a header says, else what the body said (`Head.sessionKey`). */
export function sessionOf(
  headers: { readonly [name: string]: string | undefined },
  fromBody: string | undefined,
): string | undefined {
  for (const name of sessionHeaders) {
    const value = headers[name];
    if (value !== undefined && value !== "") return value.slice(0, SESSION_CHARACTERS_MAX);
  }
  return fromBody?.slice(0, SESSION_CHARACTERS_MAX);
}
