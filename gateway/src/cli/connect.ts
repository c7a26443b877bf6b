import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Loader } from "../config/load.ts";
import type { Clock } from "../lib/clock.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { choiceWarnings, chooseGateway, clientFacts, type GatewayOptions } from "./client-facts.ts";
import type { Client, ClientFacts } from "./clients/client.ts";
import { makeTestCall, reachGateway, type Fetch, type ReachedGateway } from "./gateway-client.ts";
import { keyText } from "./gateway-key.ts";
import { applySettings, changeLine, revertSettings, type Edit } from "./settings/changes.ts";
import { backupOf, readBackup, readSettings, restoreSettings, writeSettings } from "./settings/files.ts";
import { formats } from "./settings/formats.ts";
import type { SettingsFile } from "./settings/settings.ts";
import type { Input, Outcome, Terminal } from "./terminal.ts";

export type ConnectDeps = {
  readonly terminal: Terminal;
  readonly input: Input;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly platform: string;
};

export type ConnectOptions = GatewayOptions & { readonly print?: true; readonly undo?: true; readonly yes?: true };

/** An edit of one file, worked out and not yet made. */
type PlannedEdit = { readonly file: SettingsFile; readonly edit: Edit };

/** `dragoman connect CLIENT`: writes the gateway into the client's own settings, shows what that changes, and proves it. */
export async function connect(
  client: Client,
  options: ConnectOptions,
  loader: Loader,
  deps: ConnectDeps,
): Promise<Outcome> {
  const { terminal } = deps;
  const choice = chooseGateway(options, loader);
  if (!choice.ok) {
    terminal.err(`error: ${choice.error}\n`);
    return "usage";
  }
  const unreached: ReachedGateway = { url: choice.value.url, key: choice.value.key, models: [] };
  const factsOf = (gateway: ReachedGateway) => clientFacts(gateway, options.model, loader, deps.platform);
  if (options.undo === true) return undo(client, factsOf(unreached), options, deps);
  const reached = await reachGateway(deps.fetch, choice.value.url, choice.value.key);
  const facts = factsOf(reached.ok ? reached.value : unreached);
  if (options.print === true) {
    print(client, facts, terminal);
    return "ok";
  }
  if (!reached.ok) {
    terminal.err(`✕ ${reached.error}\n`);
    return "failed";
  }
  for (const warning of choiceWarnings(choice.value)) terminal.err(`! ${warning}\n`);
  const written = await write(client, facts, options, deps);
  return written === "written" ? prove(client, facts, deps) : written;
}

async function write(
  client: Client,
  facts: ClientFacts,
  options: ConnectOptions,
  deps: ConnectDeps,
): Promise<"written" | Outcome> {
  const { terminal } = deps;
  const planned = planEdits(client.settings(facts), (text, file) => applySettings(text, file));
  if (!planned.ok)
    return failed(
      terminal,
      `${planned.error}\n  fix   dragoman connect ${client.id} --print shows what to write there`,
    );
  const changed = planned.value.filter(({ edit }) => edit.changes.length > 0);
  show(client, planned.value, terminal);
  for (const note of client.notes(facts)) terminal.err(`  ! ${note}\n`);
  if (changed.length === 0) {
    terminal.err(`${client.name} is connected to ${facts.url} already.\n`);
    return "written";
  }
  const answer = await confirm("Write these?", options, deps);
  if (answer !== "yes") return answer;
  for (const { file, edit } of changed) {
    const saved = writeSettings(file.file, edit.text);
    if (!saved.ok) return failed(terminal, saved.error);
    terminal.err(`✓ saved ${file.file} (before: ${backupOf(file.file)})\n`);
  }
  return "written";
}

/** One small call in the client's format, with the key and the model that the settings name. */
async function prove(client: Client, facts: ClientFacts, deps: ConnectDeps): Promise<Outcome> {
  const { terminal, clock } = deps;
  const model = facts.model ?? facts.models[0] ?? client.usualModel;
  const startedAt = clock.now();
  const refusal = await makeTestCall(deps.fetch, facts.url, client.testCall(model, keyText(facts.key)));
  const undoLine = `  undo with: dragoman connect ${client.id} --undo\n`;
  if (refusal !== undefined) {
    terminal.err(`✕ a test call to ${model} failed: ${refusal}\n  The settings are saved all the same.\n${undoLine}`);
    return "failed";
  }
  const seconds = ((clock.now() - startedAt) / 1000).toFixed(1);
  terminal.err(`✓ a test call to ${model} was answered in ${seconds} s\n${undoLine}`);
  return "ok";
}

async function undo(client: Client, facts: ClientFacts, options: ConnectOptions, deps: ConnectDeps): Promise<Outcome> {
  const { terminal } = deps;
  const files = client.settings(facts).filter(({ file }) => readBackup(file) !== undefined);
  if (files.length === 0) {
    terminal.err(`${client.name} has not been connected from here: there is nothing to undo.\n`);
    return "ok";
  }
  const planned = planEdits(files, (text, file) => {
    const backup = readBackup(file.file) ?? ok("");
    return backup.ok ? revertSettings(text, backup.value, file) : backup;
  });
  if (!planned.ok) return failed(terminal, planned.error);
  show(client, planned.value, terminal);
  const answer = await confirm("Put these back?", options, deps);
  if (answer !== "yes") return answer;
  for (const { file, edit } of planned.value) {
    const backup = readBackup(file.file);
    const wasThere = backup !== undefined && backup.ok && backup.value !== "";
    const isGone = !wasThere && formats[file.format].isEmpty(edit.text);
    const restored = restoreSettings(file.file, isGone ? undefined : edit.text);
    if (!restored.ok) return failed(terminal, restored.error);
    terminal.err(`✓ ${isGone ? "removed" : "restored"} ${file.file}\n`);
  }
  return "ok";
}

/** All edits are worked out before the first is made, so that a file that cannot be edited leaves the others alone too. */
function planEdits(
  files: readonly SettingsFile[],
  edit: (text: string, file: SettingsFile) => Result<Edit, string>,
): Result<readonly PlannedEdit[], string> {
  const planned: PlannedEdit[] = [];
  for (const file of files) {
    const text = readSettings(file.file);
    const edited = text.ok ? edit(text.value, file) : text;
    if (!edited.ok) return fail(edited.error);
    planned.push({ file, edit: edited.value });
  }
  return ok(planned);
}

function show(client: Client, planned: readonly PlannedEdit[], terminal: Terminal): void {
  for (const { file, edit } of planned) {
    if (edit.changes.length === 0) continue;
    terminal.err(`${client.name}: ${file.file}\n`);
    for (const change of edit.changes) terminal.err(`  ${changeLine(change)}\n`);
  }
}

/** What would stand in the files, for people who write them themselves. The key is theirs to fill in. */
function print(client: Client, facts: ClientFacts, terminal: Terminal): void {
  for (const file of client.settings(facts)) {
    const entries = file.entries.map((entry) => {
      const isHidden = entry.secret && facts.key.kind === "key" && entry.value !== undefined;
      return isHidden ? { ...entry, value: "YOUR_KEY" } : entry;
    });
    const edit = applySettings("", { ...file, entries });
    terminal.err(`${file.file}\n`);
    if (edit.ok) terminal.out(edit.value.text);
  }
  for (const note of client.notes(facts)) terminal.err(`! ${note}\n`);
}

async function confirm(question: string, options: ConnectOptions, deps: ConnectDeps): Promise<"yes" | Outcome> {
  const { terminal, input } = deps;
  if (options.yes === true) return "yes";
  if (!input.isTerminal) {
    terminal.err("Nothing was written: there is nobody to ask. Add --yes to write.\n");
    return "usage";
  }
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      terminal.err(chunk.toString());
      done();
    },
  });
  const reader = createInterface({ input: input.stream, output, terminal: false });
  const closed = new Promise<string>((resolve) => reader.once("close", () => resolve("n")));
  const answer = await Promise.race([reader.question(`${question} [Y/n] `), closed]);
  reader.close();
  if (/^(?:|y|yes)$/i.test(answer.trim())) return "yes";
  terminal.err("Nothing was written.\n");
  return "failed";
}

function failed(terminal: Terminal, message: string): Outcome {
  terminal.err(`✕ ${message}\n`);
  return "failed";
}
