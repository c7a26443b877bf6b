/** Something the target could not carry as it was. Losing is allowed, hiding it is not. */
export type Loss = {
  /** Where in the request or response, as a path of canonical names: `sampling.seed`, `turns[3].blocks[0].signature`. */
  readonly path: string;
  readonly reason: "unsupported" | "clamped" | "emulated" | "opaque-not-portable" | "repaired";
  readonly detail?: string;
};
