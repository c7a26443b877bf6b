import { systemClock } from "../../src/lib/clock.ts";
import { httpTransport } from "../../src/transport/http-transport.ts";
import { answerOf } from "../support/answer-of.ts";

/* A call from a process of its own, whose environment says what it may: calls the given origin and tells what came of it. */

const transport = httpTransport(systemClock);
const { body, error } = await answerOf(transport, { origin: process.argv[2] ?? "" });
await transport.close();
process.stdout.write(JSON.stringify({ body: body.toString(), error: error ?? null }));
