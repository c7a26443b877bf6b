import type { OperationPaths, Provider, ProviderKind, ProviderSetting } from "./provider.ts";

export type SettingValues = { readonly [S in ProviderSetting]?: string };

/** The parts of a row that name the account, with its settings in their places. */
export function fillSettings(
  row: ProviderKind,
  values: SettingValues,
): Pick<Provider, "auth" | "paths"> & { readonly baseUrl: string | undefined } {
  const fill = (text: string) =>
    text.replace(/\{(region|project|location)\}/g, (place, name: ProviderSetting) => values[name] ?? place);
  const { auth, paths } = row;
  return {
    auth: auth.type === "sigv4" ? { ...auth, region: fill(auth.region) } : auth,
    ...(paths === undefined ? {} : { paths: fillPaths(paths, fill) }),
    baseUrl: row.baseUrl === undefined ? undefined : vertexHost(fill(row.baseUrl)),
  };
}

function fillPaths(paths: OperationPaths, fill: (text: string) => string): OperationPaths {
  return Object.fromEntries(Object.entries(paths).map(([operation, path]) => [operation, fill(path)]));
}

/** Locations that are no single region have hosts of their own. */
function vertexHost(url: string): string {
  return url
    .replace("//global-aiplatform.", "//aiplatform.")
    .replace(/\/\/(us|eu)-aiplatform\./, "//aiplatform.$1.rep.");
}
