import { createKey } from "../../src/limits/keys.ts";

/** A gateway key that may use these models: its entry for a configuration, and the header that presents it. */
export function gatewayKey(models: readonly string[] = ["*"]): {
  readonly yaml: string;
  readonly authorization: string;
} {
  const { text, id, hash } = createKey();
  const list = models.map((model) => JSON.stringify(model)).join(", ");
  return {
    yaml: `\nkeys: [{ name: laptop, id: "${id}", hash: "${hash}", models: [${list}] }]\n`,
    authorization: `Bearer ${text}`,
  };
}
