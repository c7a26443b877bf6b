import type { TokenLogprob } from "../../canonical/block.ts";
import { asArray, asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";

/** Token probabilities of a text delta or part; undefined where there are none (`logprobs: []` is always sent). */
export function readLogprobs(value: Json | undefined): TokenLogprob[] | undefined {
  const list = asArray(value);
  if (list === undefined || list.length === 0) return undefined;
  return list.flatMap((entry) => {
    const token = asObject(entry);
    return token === undefined ? [] : [{ ...tokenLogprob(token), ...topLogprobs(token["top_logprobs"]) }];
  });
}

export function writeLogprobs(logprobs: readonly TokenLogprob[] | undefined): JsonObject[] {
  return (logprobs ?? []).map(({ token, logprob, bytes, top }) =>
    compact({
      token,
      logprob,
      bytes: bytes === undefined ? undefined : bytes === null ? null : [...bytes],
      top_logprobs: (top ?? []).map((each) =>
        compact({
          token: each.token,
          logprob: each.logprob,
          bytes: each.bytes === undefined ? undefined : each.bytes === null ? null : [...each.bytes],
        }),
      ),
    }),
  );
}

function tokenLogprob(entry: JsonObject): Pick<TokenLogprob, "token" | "logprob" | "bytes"> {
  const bytes = asArray(entry["bytes"])?.map((byte) => asNumber(byte) ?? 0);
  return compact({ token: asString(entry["token"]) ?? "", logprob: asNumber(entry["logprob"]) ?? 0, bytes });
}

function topLogprobs(value: Json | undefined): Pick<TokenLogprob, "top"> {
  const top = asArray(value)?.flatMap((entry) => {
    const token = asObject(entry);
    return token === undefined ? [] : [tokenLogprob(token)];
  });
  return top === undefined || top.length === 0 ? {} : { top };
}
