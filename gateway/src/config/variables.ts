import { editDistance } from "./suggest.ts";
import { variable, type Environment } from "./interpolate.ts";

/** Words that end the names of variables with secrets in them. */
const SECRET_ENDING = /_(?:KEY|TOKEN|SECRET)$/;

/**
 * The variable that was probably meant by `name`, of those that are set: another of the vendor's own names first
 * (`alternatives`), then one that is spelled nearly the same, then a secret of the same beginning (`ANTHROPIC_…_TOKEN`).
 */
export function likelyVariable(
  name: string,
  environment: Environment,
  alternatives: readonly string[],
): string | undefined {
  const isSet = (candidate: string) => candidate !== name && (variable(environment, candidate) ?? "") !== "";
  const known = alternatives.find(isSet);
  if (known !== undefined) return known;
  const names = Object.keys(environment).filter(isSet).sort();
  const [nearest] = names
    .map((candidate) => ({ candidate, distance: editDistance(name.toUpperCase(), candidate.toUpperCase()) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(name.length / 5)))
    .sort((left, right) => left.distance - right.distance);
  if (nearest !== undefined) return nearest.candidate;
  const beginning = `${name.split("_")[0]?.toUpperCase()}_`;
  return names.find((candidate) => candidate.toUpperCase().startsWith(beginning) && SECRET_ENDING.test(candidate));
}
