import { createInterface, type Interface } from "node:readline";
import type { Loader } from "../config/load.ts";
import { streamChat, type ChatMessage } from "./chat-answer.ts";
import { chatHelp, readChatLine } from "./chat-line.ts";
import { choiceWarnings, chooseGateway, type GatewayOptions } from "./client-facts.ts";
import { reachGateway, type Fetch, type ReachedGateway } from "./gateway-client.ts";
import type { Input, Outcome, Terminal } from "./terminal.ts";

export type ChatDeps = { readonly terminal: Terminal; readonly input: Input; readonly fetch: Fetch };

/** A conversation while it lasts. */
type ChatState = {
  model: string;
  messages: ChatMessage[];
  /** Stops the answer that is being written; undefined between answers. */
  answering: AbortController | undefined;
};

const QUESTION_BYTES_MAX = 16 * 1024 * 1024;
const MODELS_SHOWN_MAX = 40;
const ANY_MODEL = "demo::echo";

/** `dragoman chat [model]`: a conversation with a person, or one question from a pipe and its answer. */
export async function chat(options: GatewayOptions, loader: Loader, deps: ChatDeps): Promise<Outcome> {
  const { terminal, input } = deps;
  const choice = chooseGateway(options, loader);
  if (!choice.ok) {
    terminal.err(`error: ${choice.error}\n`);
    return "usage";
  }
  const gateway = await reachGateway(deps.fetch, choice.value.url, choice.value.key);
  if (!gateway.ok) {
    terminal.err(`✕ ${gateway.error}\n`);
    return "failed";
  }
  for (const warning of choiceWarnings(choice.value)) terminal.err(`! ${warning}\n`);
  const model = options.model ?? gateway.value.models[0] ?? ANY_MODEL;
  const state: ChatState = { model, messages: [], answering: undefined };
  return input.isTerminal ? converse(state, gateway.value, deps) : answerPipe(state, gateway.value, deps);
}

/** One question, all of standard input; its answer alone goes to standard output. */
async function answerPipe(state: ChatState, gateway: ReachedGateway, deps: ChatDeps): Promise<Outcome> {
  const question = await readAll(deps.input);
  if (question === undefined) {
    deps.terminal.err(`✕ The question has more than ${QUESTION_BYTES_MAX} bytes.\n`);
    return "usage";
  }
  if (question.trim() === "") {
    deps.terminal.err("error: no question came through standard input\n");
    return "usage";
  }
  return (await say(question, state, gateway, deps)) ? "ok" : "failed";
}

async function readAll({ stream }: Input): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream) {
    const buffer = Buffer.from(piece);
    bytes += buffer.length;
    if (bytes > QUESTION_BYTES_MAX) return undefined;
    pieces.push(buffer);
  }
  return Buffer.concat(pieces).toString("utf8");
}

async function converse(state: ChatState, gateway: ReachedGateway, deps: ChatDeps): Promise<Outcome> {
  const { terminal, input } = deps;
  terminal.err(`Talking to ${state.model} at ${gateway.url}. /help lists the commands, Ctrl-D ends.\n`);
  // The prompt and what is typed are talk: a redirected standard output holds the answers only.
  const reader = createInterface({ input: input.stream, output: process.stderr, terminal: true, prompt: "> " });
  reader.on("SIGINT", () => interrupt(state, reader, terminal));
  reader.prompt();
  for await (const line of reader) {
    const goesOn = await obey(line, state, gateway, deps);
    if (!goesOn) break;
    reader.prompt();
  }
  reader.close();
  return "ok";
}

/** Ctrl-C stops an answer, else throws away what was typed, else leaves. */
function interrupt(state: ChatState, reader: Interface, terminal: Terminal): void {
  if (state.answering !== undefined) {
    state.answering.abort();
  } else if (reader.line !== "") {
    terminal.err("\n");
    reader.write(null, { ctrl: true, name: "e" });
    reader.write(null, { ctrl: true, name: "u" });
  } else {
    terminal.err("\n");
    reader.close();
  }
}

/** Does what a line asks for; false ends the conversation. Exported for its test. */
export async function obey(line: string, state: ChatState, gateway: ReachedGateway, deps: ChatDeps): Promise<boolean> {
  const { terminal } = deps;
  const asked = readChatLine(line);
  switch (asked.kind) {
    case "nothing":
      return true;
    case "exit":
      return false;
    case "help":
      terminal.err(chatHelp);
      return true;
    case "forget":
      state.messages = [];
      terminal.err("A new conversation.\n");
      return true;
    case "model":
      chooseModel(asked.name, state, gateway, terminal);
      return true;
    case "unknown":
      terminal.err(`There is no ${asked.command}. /help lists the commands.\n`);
      return true;
    case "say":
      await say(asked.text, state, gateway, deps);
      return true;
    default:
      return asked satisfies never;
  }
}

function chooseModel(name: string | undefined, state: ChatState, { models }: ReachedGateway, terminal: Terminal): void {
  if (name !== undefined) {
    state.model = name;
    terminal.err(`Talking to ${name} from here on.\n`);
    return;
  }
  const rest = models.length - MODELS_SHOWN_MAX;
  const shown = models.slice(0, MODELS_SHOWN_MAX).map((model) => `${model === state.model ? "*" : " "} ${model}`);
  if (!models.includes(state.model)) shown.unshift(`* ${state.model}`);
  terminal.err(`${[...shown, ...(rest > 0 ? [`  and ${rest} more`] : [])].join("\n")}\n`);
}

/** One turn. A turn that failed is forgotten, so that asking again does not send two questions. */
async function say(
  text: string,
  state: ChatState,
  gateway: ReachedGateway,
  { fetch, terminal }: ChatDeps,
): Promise<boolean> {
  const controller = new AbortController();
  state.answering = controller;
  const messages = [...state.messages, { role: "user" as const, content: text }];
  let endsWithNewline = true;
  const answer = await streamChat(
    fetch,
    gateway,
    { model: state.model, messages, signal: controller.signal },
    (piece) => {
      endsWithNewline = piece.endsWith("\n");
      terminal.out(piece);
    },
  );
  state.answering = undefined;
  if (!endsWithNewline) terminal.out("\n");
  if (!answer.ok) {
    terminal.err(controller.signal.aborted ? "(stopped)\n" : `✕ ${answer.error}\n`);
    return false;
  }
  state.messages = [...messages, { role: "assistant", content: answer.value }];
  return true;
}
