/** A request target as path and query. Nothing in it names a destination: an absolute form is read for its path only. */
export type RequestTarget = { readonly pathname: string; readonly query: URLSearchParams };

const noQuery = new URLSearchParams();

export function readTarget(target: string): RequestTarget {
  const path = target.startsWith("/") ? target : afterAuthority(target);
  const mark = path.indexOf("?");
  if (mark < 0) return { pathname: path, query: noQuery };
  return { pathname: path.slice(0, mark), query: new URLSearchParams(path.slice(mark + 1)) };
}

/** `http://host/path` as proxies send it; `*` and other forms have no path here. */
function afterAuthority(target: string): string {
  return /^https?:\/\/[^/?#]*(?<path>\/.*)$/i.exec(target)?.groups?.["path"] ?? "/*";
}
