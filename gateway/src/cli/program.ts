import { Command, CommanderError, InvalidArgumentError } from "commander";
import { openLoader, readPort, type CommandLineOptions } from "../config/load.ts";
import { configJsonSchema } from "../config/json-schema.ts";
import { formatProblems } from "../config/problems.ts";
import { closest } from "../config/suggest.ts";
import { check } from "./check.ts";
import { addClientCommands } from "./client-commands.ts";
import type { ConnectDeps } from "./connect.ts";
import { explain } from "./explain.ts";
import { createGatewayKey } from "./keys.ts";
import { start, type StartDeps } from "./start.ts";
import type { Outcome, Terminal } from "./terminal.ts";

/** Everything that the commands take from the world. */
export type ProgramDeps = StartDeps & ConnectDeps;

type StartOptions = CommandLineOptions & { readonly config?: string };

const examples = `Examples:
  dragoman                              start with what the environment has
  dragoman --config dragoman.yaml       start with a configuration file
  dragoman keys create laptop           make a gateway key
  dragoman run claude                   run Claude Code through the gateway
`;

/** Runs the command that `argv` (without node and script) names, and says how it ended. */
export async function runProgram(argv: readonly string[], deps: ProgramDeps): Promise<Outcome> {
  let outcome: Outcome = "ok";
  const program = buildProgram(deps, (result) => {
    outcome = result;
  });
  const unknown = unknownCommand(program, argv[0]);
  if (unknown !== undefined) {
    deps.terminal.err(unknown);
    return "usage";
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? "ok" : "usage";
  }
  return outcome;
}

/** The command line as commander knows it; exported for the test that holds docs/cli.md to it. */
export function buildProgram(deps: ProgramDeps, finish: (outcome: Outcome) => void): Command {
  const program = new Command("dragoman");
  // Commands made from here on inherit both settings; those made before would not.
  program.exitOverride().configureOutput({ writeOut: deps.terminal.out, writeErr: deps.terminal.err });
  program
    .description("An LLM gateway: any official SDK or agent on one side, any model on the other.")
    .version(deps.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .addHelpText("before", examples)
    .showSuggestionAfterError()
    .enablePositionalOptions();
  const runStart = async (options: StartOptions) => {
    const { config, ...rest } = options;
    finish(await start(openLoader(config === undefined ? rest : { ...rest, file: config }), deps));
  };
  addStartOptions(program).action(() => runStart(program.opts<StartOptions>()));
  const startCommand = addStartOptions(program.command("start").description("start the gateway (the default command)"));
  startCommand.action(() => runStart(startCommand.optsWithGlobals<StartOptions>()));
  addInspectionCommands(program, deps, finish);
  addKeyCommands(program, deps.terminal, finish);
  addClientCommands(program, deps, finish);
  return program;
}

function addStartOptions(command: Command): Command {
  return command
    .option("-c, --config <file>", "configuration file; default: dragoman.yaml here, then in ~/.config, then in /etc")
    .option("--port <number>", "port to listen on (default 4000)", parsePort)
    .option("--host <address>", "address to listen on (default 127.0.0.1)")
    .option("--allow-anonymous", "serve callers who bring their own credential on a reachable address");
}

function addInspectionCommands(program: Command, deps: StartDeps, finish: (outcome: Outcome) => void): void {
  const { terminal } = deps;
  program
    .command("check")
    .description("validate the configuration and say everything that is wrong with it")
    .argument("[file]", "configuration file; default: the one that start would use")
    .action((file: string | undefined) => {
      finish(check(openLoader(file === undefined ? {} : { file }), terminal));
    });
  const explainCommand = program
    .command("explain")
    .description("show where a request for a model goes")
    .argument("<model>", "as a client would write it")
    .option("-c, --config <file>", "configuration file");
  explainCommand.action((model: string) => {
    const { config } = explainCommand.opts<{ config?: string }>();
    const loaded = openLoader(config === undefined ? {} : { file: config }).load();
    if (loaded.ok) terminal.out(`${explain(loaded.value, model)}\n`);
    else terminal.err(formatProblems(loaded.error, { color: terminal.errHasColor }));
    finish(loaded.ok ? "ok" : "config-invalid");
  });
  program
    .command("schema")
    .description("print the JSON Schema of the configuration file")
    .action(() => terminal.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`));
}

function addKeyCommands(program: Command, terminal: Terminal, finish: (outcome: Outcome) => void): void {
  const keys = program.command("keys").description("gateway keys");
  const create = keys
    .command("create")
    .description("make a gateway key and print it with its configuration entry")
    .argument("<name>", "for people: logs and reports show it")
    .option("--project <name>", "project that its use is counted under", "default")
    .option("--models <patterns>", "what it may ask for, separated by commas", "*")
    .option("--expires <date>", "last day or moment it works: 2027-01-31, 2027-01-31T12:00:00Z");
  create.action((name: string) => {
    const options = create.opts<{ project: string; models: string; expires?: string }>();
    const models = options.models
      .split(",")
      .map((pattern) => pattern.trim())
      .filter((pattern) => pattern !== "");
    if (models.length === 0) create.error("error: --models names no model");
    const { project, expires } = options;
    finish(createGatewayKey({ name, project, models, expires }, terminal));
  });
}

function parsePort(text: string): number {
  const port = readPort(text);
  if (port === undefined) throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return port;
}

/** Without this, a mistyped command is an excess argument of the default one. */
function unknownCommand(program: Command, first: string | undefined): string | undefined {
  if (first === undefined || first.startsWith("-")) return undefined;
  const names = program.commands.map((command) => command.name());
  if (names.includes(first)) return undefined;
  const near = closest(first, names);
  const hint = near === undefined ? `Commands: ${names.join(", ")}.` : `Did you mean "${near}"?`;
  return `error: unknown command "${first}". ${hint}\n`;
}
