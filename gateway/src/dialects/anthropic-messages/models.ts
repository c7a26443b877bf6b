import type { ApiVersion } from "../claude-models.ts";

/** The version of clients that name none. */
export const DEFAULT_API_VERSION: ApiVersion = "2023-06-01";

/**
 * Accepted by every model that searches. The later versions filter results by running code, which puts blocks into the answer
 * that nobody but a Messages client can show.
 */
export const WEB_SEARCH_TOOL = { type: "web_search_20250305", name: "web_search" } as const;
export const WEB_FETCH_TOOL = { type: "web_fetch_20250910", name: "web_fetch" } as const;
export const CODE_EXECUTION_TOOL = { type: "code_execution_20250825", name: "code_execution" } as const;
