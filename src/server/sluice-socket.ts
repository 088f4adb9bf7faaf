/** `/ws`: Sluice's own WebSockets, in frames or in a format that follows one thread. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { cursorOf } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import { EventFrames, SUBPROTOCOL } from "../protocol/frames.ts";
import { checkId } from "../protocol/ids.ts";
import { parseWith } from "../protocol/input.ts";
import type { VisitedRun, VisitedThread } from "../runs/visited-thread.ts";
import { Connection } from "./connection.ts";
import { agui } from "./formats/agui.ts";
import type { Format } from "./formats/format.ts";
import { langgraph } from "./formats/langgraph.ts";
import { tanstackFormat } from "./formats/tanstack.ts";
import { textFormat } from "./formats/text.ts";
import { FramesConnection } from "./frames-connection.ts";
import { parseNarrowing } from "./narrowing.ts";
import type { ServerOptions } from "./server-options.ts";
import type { SocketRoute } from "./socket-route.ts";

const FORMATS: Record<"agui" | "langgraph" | "text" | "tanstack", () => Format> = {
  agui: () => agui,
  langgraph: () => langgraph,
  text: textFormat,
  tanstack: tanstackFormat,
};

/** The parameters of a socket's address, besides those that narrow it. */
export const socketQuery = z.object({
  agent: z.string().optional(),
  thread: z.string().optional(),
  ticket: z.string().optional(),
  format: z
    .enum(["agui", "langgraph", "text", "tanstack"], { error: "valid are agui, langgraph, text and tanstack" })
    .default("agui"),
  // TanStack AI's parameters: the run, and the position after which it is read.
  runId: z.string().optional(),
  offset: z.string().optional(),
});

export function sluiceSocket(options: ServerOptions): SocketRoute {
  const { door, limits, registry, maxBodyBytes, heartbeatMs, failed } = options;
  const checkNodes = (value: unknown) => limits.nodes(value);
  const eventFrames = new EventFrames();
  return {
    path: "/ws",
    formats: ["frames", ...Object.keys(FORMATS)],
    async admit({ request, parameters: sent }, place) {
      const parameters = Object.fromEntries(sent);
      const { agent, thread, format, ticket, runId, offset } = parseWith(socketQuery, parameters, "query");
      const narrowing = parseNarrowing(parameters);
      const offered = request.headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim());
      const frames = offered?.includes(SUBPROTOCOL) === true;
      const visitor = await door.admitSocket(request, ticket, frames);
      if (agent !== undefined) registry.get(agent);
      if (visitor) {
        await limits.mayTalk(visitor.client);
        place.take(visitor.client);
      }
      if (frames) {
        const admit = async (token: string) => {
          const renewed = await door.admitToken(token, request);
          place.take(renewed.client);
          return renewed;
        };
        const common = { visitor, admit, agent, eventFrames, heartbeatMs, maxMessageBytes: maxBodyBytes };
        return (peer) =>
          new FramesConnection({ ...common, checkNodes, failed, peer, close: (code) => peer.close(code) });
      }
      if (format !== "agui") visitor?.needNoShare();
      if (offered) throw new SluiceError("bad_request", `Unknown subprotocol; valid is ${SUBPROTOCOL}, or none.`);
      if (!visitor) throw new SluiceError("unauthorized");
      visitor.need("watch");
      const followed = await (thread === undefined
        ? visitor.thread(randomUUID())
        : visitor.thread(checkId("thread", thread), true));
      const joined = offset === undefined ? undefined : await runOf(followed, runId);
      const after = offset === undefined || offset === "-1" ? undefined : cursorOf("offset", offset);
      const joins = joined && { run: joined, after };
      const common = { visitor, formatName: format, checkNodes, narrowing, agent, thread: followed, joins };
      return (peer) =>
        new Connection({
          ...common,
          peer,
          format: FORMATS[format](),
          expelled: (error) => peer.close(error.code),
          end: () => peer.end(),
        });
    },
  };
}

/** The run that a socket joins, from its start or from a position within it. */
async function runOf(thread: VisitedThread, runId: string | undefined): Promise<VisitedRun> {
  if (runId === undefined) throw new SluiceError("bad_request", "query, field runId: offset needs the run's id.");
  const run = await thread.run(checkId("runId", runId));
  if (!run) throw new SluiceError("not_found", "There is no such run on this thread. Name it with ?thread=.");
  return run;
}
