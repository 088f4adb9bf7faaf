/** Starts a run from a body of LangGraph's API. */
import { randomUUID } from "node:crypto";
import type { ServedAgent } from "../../graph/registry.ts";
import type { StartRequest } from "../../runs/handle.ts";
import type { VisitedRun } from "../../runs/visited-thread.ts";
import type { Visitor } from "../../runs/visitor.ts";
import { type RunWishes, readRunBody, toRunInput } from "./request.ts";

/** The options of a start that the route sets, and not the client. */
export type StartMore = Pick<StartRequest, "signal" | "background" | "detached">;

export async function startRun(
  visitor: Visitor,
  threadId: string,
  body: unknown,
  more: StartMore,
): Promise<{ readonly run: VisitedRun; readonly wishes: RunWishes<ServedAgent> }> {
  const wishes = readRunBody(body, threadId, (name) => visitor.agent(name));
  const { interrupts } = await (await visitor.thread(threadId)).waiting();
  const input = toRunInput(wishes, interrupts, { threadId, runId: randomUUID() });
  const { agent, whenBusy, detached, steering } = wishes;
  if (whenBusy === "interrupt") visitor.need("cancel");
  return { run: await visitor.start({ agent: agent.name, input, whenBusy, detached, steering, ...more }), wishes };
}
