import type { Socket } from "node:net";
import type { NodeInbound } from "./inbound.ts";
import type { NodeReply } from "./reply.ts";

export const latest = Symbol("latest exchange");

/** A connection, with the last request that came over it. */
export type EdgeSocket = Socket & { [latest]?: { readonly inbound: NodeInbound; readonly reply: NodeReply } };
