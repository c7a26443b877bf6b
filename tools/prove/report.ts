import type { Finding } from "../../gateway/test/fuzz/fuzz.ts";
import type { ProofResult } from "./run-proof.ts";

const SHOWN_BYTES_MAX = 2_000;

/** A finding with all that it takes to see it again. */
export function sayFinding({ seed, index, target, problem, input }: Finding): string {
  const shown = JSON.stringify(Buffer.from(input.subarray(0, SHOWN_BYTES_MAX)).toString("latin1"));
  const more = input.length > SHOWN_BYTES_MAX ? ` and ${input.length - SHOWN_BYTES_MAX} bytes more` : "";
  return [
    `${target}: ${problem}`,
    `  input (latin1): ${shown}${more}`,
    `  again: npm run prove -- --seed ${seed} --only ${index}`,
  ].join("\n");
}

/** docs/proof.md: the figures of one run, and no date, so that the same run gives the same text. */
export function proofDocument({ seed, counts, findings }: ProofResult): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const rows = [...counts].map(([name, count]) => `| ${name} | ${count.toLocaleString("en")} |`);
  return `# Proof by fuzzing

These are the figures of one run of \`npm run prove\`, written by \`--write\`. Whatever a client or a provider may send, the code
that reads or writes it must not throw, must not take longer than a second, and must not make more of it than a constant
times its size. What decoders say obeys the grammar of events, framers lose no byte wherever the network cuts, the scan of a
body agrees with the parser, and every stream that an encoder writes can be read back by its own format's decoder. Inputs
are the recordings in \`gateway/test/corpus\` with values exchanged, keys repeated, frames dropped or bytes cut, and noise. \`npm test\` runs a
sample of them; \`npm run prove\` runs ten million unless told otherwise.

This run: **${total.toLocaleString("en")} inputs, seed ${seed}, findings: ${findings.length}**.

| Target | Inputs |
|---|---:|
${rows.join("\n")}
`;
}
