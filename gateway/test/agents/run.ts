/**
 * Real agent CLIs through a running gateway, to scripted providers of every format:
 *
 *   node gateway/test/agents/run.ts [--only TEXT]
 *
 * The CLIs are installed from npm, once, into a cache folder outside of the project. One that cannot be installed is skipped.
 * Exit code 0 when nothing failed.
 */
import { parseArgs } from "node:util";
import type { Result } from "../../src/lib/result.ts";
import { agents } from "./agents.ts";
import type { Case } from "./case.ts";
import { errorCases } from "./errors.ts";
import { fallsBackToHttp } from "./falls-back-to-http.ts";
import { installPackage } from "./install.ts";
import { roundTrips } from "./round-trips.ts";

const { values: options } = parseArgs({ options: { only: { type: "string", default: "" } } });
const chosen = [...roundTrips, fallsBackToHttp, ...errorCases].filter(({ name }) => name.includes(options.only));
const counts = { passed: 0, failed: 0, skipped: 0 };

for (const agent of agents) {
  const cases = chosen.filter((each) => each.agent.id === agent.id);
  if (cases.length === 0) continue;
  const installed = await installPackage(agent.pin);
  if (!installed.ok) print(`skipped: ${agent.pin.name}@${agent.pin.version} cannot be installed: ${installed.error}`);
  for (const each of cases) await runCase(each, installed);
}
const skipped = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`;
print(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = counts.failed === 0 ? 0 : 1;

async function runCase(each: Case, installed: Result<string, string>): Promise<void> {
  if (!installed.ok) {
    counts.skipped += 1;
    return;
  }
  try {
    const seen = await each.run(installed.value);
    counts.passed += 1;
    print(`ok: ${each.name} (${seen})`);
  } catch (error) {
    counts.failed += 1;
    print(`FAILED: ${each.name}\n${error instanceof Error ? error.stack : String(error)}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
