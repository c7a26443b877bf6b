import { readGoogleCredential } from "../providers/google-credential.ts";
import type { ProviderKind, ProviderSetting } from "../providers/provider.ts";
import type { SettingValues } from "../providers/settings.ts";
import type { Secret } from "../lib/secret.ts";
import type { Path } from "./document.ts";
import { variable, type Environment } from "./interpolate.ts";
import { describeValue } from "./issues.ts";
import type { Report } from "./report.ts";
import type { FileProvider } from "./schema.ts";

const settingNames = ["region", "project", "location"] as const satisfies readonly ProviderSetting[];

/** What clouds call their regions and projects; it becomes a part of host names and paths. */
const SETTING_VALUE = /^[a-z0-9][a-z0-9.:-]{0,99}$/i;

const examples = { region: "us-east-1", project: "my-project", location: "us-east5" } as const;

/** The values of a kind's settings as the environment has them, the usual ones where it has none. */
export function usualSettings(row: ProviderKind, environment: Environment, secrets: readonly Secret[]): SettingValues {
  const values: { -readonly [S in ProviderSetting]?: string } = {};
  for (const name of settingNames) {
    const setting = row.settings?.[name];
    if (setting === undefined) continue;
    const texts = setting.env.map((each) => variable(environment, each)?.trim() ?? "");
    const value = texts.find((text) => SETTING_VALUE.test(text)) ?? ownProject(name, secrets) ?? setting.usual;
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** Google's credentials say which project they belong to. */
function ownProject(name: ProviderSetting, secrets: readonly Secret[]): string | undefined {
  if (name !== "project") return undefined;
  for (const secret of secrets) {
    const credential = readGoogleCredential(secret.reveal());
    if (credential !== undefined && credential.kind !== "access-token" && credential.project !== undefined) {
      return credential.project;
    }
  }
  return undefined;
}

/** The settings of a provider; undefined when the report has a problem with them. */
export function readSettings(
  written: FileProvider,
  row: ProviderKind,
  provider: Path,
  usual: SettingValues,
  report: Report,
): SettingValues | undefined {
  const values: { -readonly [S in ProviderSetting]?: string } = { ...usual };
  let isSound = true;
  for (const name of settingNames) {
    const setting = row.settings?.[name];
    const text = written[name];
    if (text !== undefined && setting === undefined) {
      report.keyProblem([...provider, name], `a provider of the kind "${row.name}" has no ${name}`);
      isSound = false;
    } else if (text !== undefined && !SETTING_VALUE.test(text)) {
      const expected = `expected the name of a ${name}, got ${describeValue(text)}`;
      report.problem([...provider, name], expected, `for example ${examples[name]}`);
      isSound = false;
    } else if (text !== undefined) {
      values[name] = text;
    } else if (setting !== undefined && values[name] === undefined) {
      const [first = ""] = setting.env;
      const message = `"${name}" is missing: the address of a provider of the kind "${row.name}" has it in it`;
      report.keyProblem(provider, message, `add ${name}: ${examples[name]}, or set ${first}`);
      isSound = false;
    }
  }
  return isSound ? values : undefined;
}

/** Whether everything that a kind has to know is known without a configuration. */
export function hasSettings(row: ProviderKind, values: SettingValues): boolean {
  return settingNames.every((name) => row.settings?.[name] === undefined || values[name] !== undefined);
}
