/** A `data:` URL's media type and base64 text. Undefined for anything else, also for data URLs that are not base64. */
export function readDataUrl(url: string): { readonly mimeType: string; readonly data: string } | undefined {
  const comma = url.indexOf(",");
  if (comma < 0 || !/^data:/i.test(url)) return undefined;
  const [mimeType, ...parameters] = url.slice("data:".length, comma).split(";");
  if (!parameters.some((parameter) => parameter.trim().toLowerCase() === "base64")) return undefined;
  return { mimeType: mimeType === undefined || mimeType === "" ? "text/plain" : mimeType, data: url.slice(comma + 1) };
}
