import type { ClientDialectId } from "../../gateway/src/canonical/dialect-id.ts";
import type { Json } from "../../gateway/src/lib/json.ts";

/** What came of one recording for one other format. Plain data: it crosses from workers to the report. */
export type Row = {
  readonly id: string;
  readonly provider: string;
  /** Answers go from the provider's format to the client's, requests the other way. */
  readonly from: ClientDialectId;
  readonly to: ClientDialectId;
  readonly outcome: "equal" | "excepted" | "different";
  /** Names of the exceptions that excused something. */
  readonly exceptions: readonly string[];
  /** The first thing that nothing excuses. */
  readonly problem?: {
    readonly path: string;
    readonly expected?: Json | undefined;
    readonly actual?: Json | undefined;
  };
};

/** What a worker is asked to do. */
export type Job = {
  readonly file: string;
  readonly mode: "answers" | "requests";
  readonly share: { readonly first: number; readonly step: number };
  readonly seed: number;
  /** `FROM>TO`; all pairs when absent. */
  readonly only?: string;
  /** Ids to look at; all when absent. */
  readonly ids?: readonly string[];
};
