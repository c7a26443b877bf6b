import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { applySettings, changeLine, revertSettings } from "../../src/cli/settings/changes.ts";
import { backupOf, readBackup, readSettings, restoreSettings, writeSettings } from "../../src/cli/settings/files.ts";
import { formats } from "../../src/cli/settings/formats.ts";
import type { FormatId, SettingsFile } from "../../src/cli/settings/settings.ts";
import type { Json } from "../../src/lib/json.ts";

/* Editing other programs' settings: what is not ours stays, and undo puts back what was there. */

type Row = {
  readonly name: string;
  readonly format: FormatId;
  readonly before: string;
  readonly entries: readonly (readonly [path: string, value: Json])[];
  readonly after: string;
};

const provider = { name: "Dragoman", base_url: "http://x/v1" };
const providerLines = 'name = "Dragoman"\nbase_url = "http://x/v1"\n';

const rows: readonly Row[] = [
  {
    name: "a JSON file that is not there",
    format: "json",
    before: "",
    entries: [["env.URL", "http://x"]],
    after: '{\n  "env": {\n    "URL": "http://x"\n  }\n}\n',
  },
  {
    name: "JSON with other members, which keep their order and indentation",
    format: "json",
    before: '{\n    "theme": "dark",\n    "env": { "A": "1", "URL": "old" },\n    "z": [1, 2]\n}\n',
    entries: [["env.URL", "http://x"]],
    after:
      '{\n    "theme": "dark",\n    "env": {\n        "A": "1",\n        "URL": "http://x"\n    },\n    "z": [\n        1,\n        2\n    ]\n}\n',
  },
  {
    name: "an environment file: replaced in place, comments stay, of two lines one is left",
    format: "dotenv",
    before: "# mine\nURL=old\nexport B=2\nURL=older\n",
    entries: [["URL", "http://x"]],
    after: "# mine\nURL=http://x\nexport B=2\n",
  },
  {
    name: "a value with spaces in an environment file is quoted",
    format: "dotenv",
    before: "",
    entries: [["MODEL", "my model"]],
    after: 'MODEL="my model"\n',
  },
  {
    name: "a TOML file that is not there",
    format: "toml",
    before: "",
    entries: [
      ["model", "m"],
      ["p.dragoman", provider],
    ],
    after: `model = "m"\n\n[p.dragoman]\n${providerLines}`,
  },
  {
    name: "a top-level TOML key goes in front of the first table, below the keys that are there",
    format: "toml",
    before: '# mine\nmodel = "gpt-5"  # the old one\n\n# about features\n[features]\nmodel = "not this one"\n',
    entries: [
      ["model", "m"],
      ["model_provider", "dragoman"],
      ["p.dragoman", provider],
    ],
    after: `# mine\nmodel = "m"\nmodel_provider = "dragoman"\n\n# about features\n[features]\nmodel = "not this one"\n\n[p.dragoman]\n${providerLines}`,
  },
  {
    name: "a TOML file that begins with a table",
    format: "toml",
    before: "[features]\nweb = true\n",
    entries: [["model", "m"]],
    after: 'model = "m"\n\n[features]\nweb = true\n',
  },
  {
    name: "a TOML table is replaced whole, its neighbours are not touched",
    format: "toml",
    before:
      '[p.other]\nname = "o"\n\n[p.dragoman]\nname = "old"\nargs = [\n  "[x]", # ]\n]\n\n# of the last\n[last]\na = 1\n',
    entries: [["p.dragoman", provider]],
    after: `[p.other]\nname = "o"\n\n[p.dragoman]\n${providerLines}\n# of the last\n[last]\na = 1\n`,
  },
  {
    name: "headers and keys inside of TOML strings are text",
    format: "toml",
    before: 'note = """\n[features]\nmodel = "no"\n"""\nlist = [\n  "a = 1",\n  \'[b]\',\n]\n[real]\n',
    entries: [["model", "m"]],
    after: 'note = """\n[features]\nmodel = "no"\n"""\nlist = [\n  "a = 1",\n  \'[b]\',\n]\nmodel = "m"\n[real]\n',
  },
];

function fileOf(format: FormatId, entries: Row["entries"]): SettingsFile {
  const all = entries.map(([path, value]) => ({ path: path.split("."), value, secret: false }));
  return { file: "/settings", format, entries: all };
}

for (const { name, format, before, entries, after: expected } of rows) {
  test(`${format}: ${name}`, () => {
    const file = fileOf(format, entries);
    const applied = applySettings(before, file);
    assert.ok(applied.ok);
    assert.equal(applied.value.text, expected);
    const again = applySettings(applied.value.text, file);
    assert.deepEqual(
      again.ok && [again.value.text, again.value.changes],
      [expected, []],
      "a second time changes nothing",
    );
    const reverted = revertSettings(expected, before, file);
    assert.equal(reverted.ok && reverted.value.text, before, "undo gives the original back to the byte");
  });
}

const later: readonly {
  readonly format: FormatId;
  readonly before: string;
  readonly edit: (text: string) => string;
  readonly after: string;
}[] = [
  {
    format: "json",
    before: '{"env":{"URL":"old"}}',
    edit: (text) => text.replace('"env"', '"theme": "dark",\n  "env"'),
    after: '{\n  "theme": "dark",\n  "env": {\n    "URL": "old"\n  }\n}\n',
  },
  { format: "dotenv", before: "A=1\n", edit: (text) => `${text}B=2\n`, after: "A=1\nB=2\n" },
  {
    format: "toml",
    before: 'URL = "old"\n',
    edit: (text) => `${text}[t]\nx = 1\n`,
    after: 'URL = "old"\n[t]\nx = 1\n',
  },
];
for (const { format, before, edit, after: expected } of later) {
  test(`${format}: undo keeps what was changed since`, () => {
    const file = fileOf(format, [[format === "json" ? "env.URL" : "URL", "http://x"]]);
    const applied = applySettings(before, file);
    const reverted = revertSettings(edit(applied.ok ? applied.value.text : ""), before, file);
    assert.equal(reverted.ok && reverted.value.text, expected);
  });
}

test("what undo leaves of a file that connect made is empty", () => {
  for (const format of ["json", "dotenv", "toml"] as const) {
    const file = fileOf(format, [[format === "json" ? "a.b.c" : "a", "x"]]);
    const applied = applySettings("", file);
    const reverted = revertSettings(applied.ok ? applied.value.text : "", "", file);
    assert.ok(reverted.ok && formats[format].isEmpty(reverted.value.text), format);
  }
});

const refused: readonly {
  readonly name: string;
  readonly format: FormatId;
  readonly text: string;
  readonly path: string;
  readonly says: RegExp;
}[] = [
  { name: "JSON with comments", format: "json", text: '{ // mine\n "a": 1 }', path: "a", says: /comments/ },
  { name: "JSON that is a list", format: "json", text: "[]", path: "a", says: /not plain JSON/ },
  {
    name: "a JSON member that is no object",
    format: "json",
    text: '{"env": "x"}',
    path: "env.URL",
    says: /"env" is not an object/,
  },
  {
    name: "a TOML table as an inline table",
    format: "toml",
    text: "[p]\ndragoman = { name = 1 }\n",
    path: "p.dragoman",
    says: /line 2/,
  },
  {
    name: "a TOML table as dotted keys",
    format: "toml",
    text: 'p.dragoman.name = "x"\n',
    path: "p.dragoman",
    says: /line 1/,
  },
  {
    name: "a TOML table whose parent is inline",
    format: "toml",
    text: "p = { other = 1 }\n",
    path: "p.dragoman",
    says: /line 1/,
  },
  {
    name: "a TOML table with sub-tables",
    format: "toml",
    text: "[p.dragoman]\na = 1\n[p.dragoman.h]\nb = 1\n",
    path: "p.dragoman",
    says: /line 3/,
  },
  {
    name: "a TOML table that is there twice",
    format: "toml",
    text: "[p.dragoman]\n[p.dragoman]\n",
    path: "p.dragoman",
    says: /2 times/,
  },
  { name: "a TOML key that is a table there", format: "toml", text: "[model]\n", path: "model", says: /line 1/ },
];
for (const { name, format, text, path, says } of refused) {
  test(`${name} is refused, not guessed at`, () => {
    const value = path === "p.dragoman" ? provider : "x";
    const applied = applySettings(text, fileOf(format, [[path, value]]));
    assert.ok(!applied.ok);
    assert.match(applied.error, says);
    assert.match(applied.error, /^\/settings cannot be edited: /);
  });
}

test("a change is shown on one line, a secret never, neither the new nor the old", () => {
  const change = { name: "env.TOKEN", before: '"old-secret"', after: '"new-secret"', secret: true };
  assert.equal(changeLine(change), "~ env.TOKEN = *** → ***");
  assert.equal(changeLine({ ...change, before: undefined }), "+ env.TOKEN = ***");
  assert.equal(changeLine({ ...change, after: undefined }), "- env.TOKEN = ***");
  const table = { name: "p", before: undefined, after: `a = 1\n  b = "${"x".repeat(200)}"`, secret: false };
  assert.match(changeLine(table), /^\+ p = a = 1; b = "x+…$/);
});

const folder = mkdtempSync(join(tmpdir(), "dragoman-settings-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("a file is replaced with mode 0600, the first backup is kept until it is used", () => {
  const file = join(folder, "settings.json");
  writeFileSync(file, "original", { mode: 0o644 });
  assert.ok(writeSettings(file, "first").ok);
  assert.ok(writeSettings(file, "second").ok);
  assert.equal(readFileSync(file, "utf8"), "second");
  for (const path of [file, backupOf(file)]) assert.equal(statSync(path).mode & 0o777, 0o600, path);
  assert.deepEqual(readBackup(file), { ok: true, value: "original" });
  assert.ok(restoreSettings(file, "original").ok);
  assert.equal(readBackup(file), undefined);
  assert.deepEqual(readdirSync(folder), ["settings.json"], "nothing is left behind");
});

test("a file that was not there goes away again, its new folder is for the owner alone", () => {
  const file = join(folder, "new", "settings.json");
  assert.deepEqual(readSettings(file), { ok: true, value: "" });
  assert.ok(writeSettings(file, "{}").ok);
  assert.equal(statSync(join(folder, "new")).mode & 0o777, 0o700);
  assert.deepEqual(readBackup(file), { ok: true, value: "" });
  assert.ok(restoreSettings(file, undefined).ok);
  assert.ok(!existsSync(file));
});

test("a settings file that is a link stays one", () => {
  const target = join(folder, "dotfiles.json");
  const link = join(folder, "link.json");
  writeFileSync(target, "original");
  symlinkSync(target, link);
  assert.ok(writeSettings(link, "changed").ok);
  assert.equal(readFileSync(target, "utf8"), "changed");
});

test("a file where a folder should be is a sentence, not a crash", () => {
  writeFileSync(join(folder, "plain"), "");
  const written = writeSettings(join(folder, "plain", "settings.json"), "{}");
  assert.ok(!written.ok);
  assert.match(written.error, /cannot be written/);
});
