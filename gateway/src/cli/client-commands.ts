import type { Command } from "commander";
import { openLoader } from "../config/load.ts";
import { closest } from "../config/suggest.ts";
import { chat } from "./chat.ts";
import type { GatewayOptions } from "./client-facts.ts";
import type { Client } from "./clients/client.ts";
import { clients, findClient } from "./clients/index.ts";
import { connect, type ConnectDeps, type ConnectOptions } from "./connect.ts";
import { run } from "./run.ts";
import type { Outcome } from "./terminal.ts";

const names = clients.map(({ id }) => id).join(", ");

/** Adds the commands that are clients of a running gateway: run, connect, chat. */
export function addClientCommands(program: Command, deps: ConnectDeps, finish: (outcome: Outcome) => void): void {
  addRun(program, deps, finish);
  addConnect(program, deps, finish);
  addChat(program, deps, finish);
}

function addRun(program: Command, deps: ConnectDeps, finish: (outcome: Outcome) => void): void {
  const command = withGatewayOptions(program.command("run"))
    .description("run an agent CLI through the gateway, once and without touching its settings")
    .argument("<client>", names)
    .argument("[arguments...]", "the client's own, behind --")
    .option("--model <name>", "the model that it uses for everything")
    .showHelpAfterError("(options of the client itself go behind --)");
  command.action(async (name: string, args: readonly string[]) => {
    const client = clientNamed(name, command);
    finish(await run(client, args, command.opts<GatewayOptions>(), openLoader(), deps));
  });
}

function addConnect(program: Command, deps: ConnectDeps, finish: (outcome: Outcome) => void): void {
  const command = withGatewayOptions(program.command("connect"))
    .description("write the gateway into the settings of an agent CLI")
    .argument("<client>", names)
    .option("--model <name>", "the model that it uses for everything")
    .option("--print", "print the settings and write nothing")
    .option("--undo", "take the settings out again")
    .option("--yes", "do not ask");
  command.action(async (name: string) => {
    const client = clientNamed(name, command);
    finish(await connect(client, command.opts<ConnectOptions>(), openLoader(), deps));
  });
}

function addChat(program: Command, deps: ConnectDeps, finish: (outcome: Outcome) => void): void {
  const command = withGatewayOptions(program.command("chat"))
    .description("talk to a model in the terminal, or answer the question that is piped in")
    .argument("[model]", "as a client would write it; default: the first that the gateway lists");
  command.action(async (model: string | undefined) => {
    const options = command.opts<GatewayOptions>();
    finish(await chat(model === undefined ? options : { ...options, model }, openLoader(), deps));
  });
}

function withGatewayOptions(command: Command): Command {
  return command
    .option("--gateway <url>", "where the gateway is; default: DRAGOMAN_URL, else what the configuration here says")
    .option("--key-env <name>", "the environment variable that holds the gateway key; default: DRAGOMAN_KEY");
}

function clientNamed(name: string, command: Command): Client {
  const client = findClient(name);
  if (client !== undefined) return client;
  const near = closest(
    name,
    clients.flatMap(({ id, aliases }) => [id, ...aliases]),
  );
  const hint = near === undefined ? `Clients: ${names}.` : `Did you mean "${near}"?`;
  return command.error(`error: unknown client "${name}". ${hint} Others are set up by hand: docs/clients.md.`);
}
