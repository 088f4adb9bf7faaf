/** Starts a run from a body of LangGraph's API. */
import { randomUUID } from "node:crypto";
import type { ServedAgent } from "../../graph/registry.ts";
import type { StartRequest } from "../../runs/handle.ts";
import type { Return } from "../../runs/points.ts";
import type { VisitedRun, VisitedThread } from "../../runs/visited-thread.ts";
import type { Visitor } from "../../runs/visitor.ts";
import { pointAt } from "./checkpoint.ts";
import { type RunWishes, readRunBody, toRunInput } from "./request.ts";

/** The point at a checkpoint. A run without input gets the messages before it again. */
async function pointOf(thread: VisitedThread, checkpoint: string, hasInput: boolean): Promise<Return> {
  const [{ messages }, { points }] = await Promise.all([thread.snapshot(), thread.points()]);
  const present = { after: messages.at(-1)?.id, repeats: false };
  const { after, repeats } = pointAt(checkpoint, thread.threadId, [...points, present]);
  return { after, repeats: repeats && !hasInput };
}

/** The options of a start that the route sets, and not the client. */
export type StartMore = Pick<StartRequest, "signal" | "background" | "detached" | "temporary">;

export async function startRun(
  visitor: Visitor,
  threadId: string,
  body: unknown,
  more: StartMore,
): Promise<{ readonly run: VisitedRun; readonly wishes: RunWishes<ServedAgent> }> {
  const wishes = readRunBody(body, threadId, (name) => visitor.agent(name));
  const { agent, whenBusy, detached, steering, checkpoint } = wishes;
  const thread = await visitor.thread(threadId);
  const { interrupts, stopped } = await thread.waiting();
  const goesBackTo =
    checkpoint === undefined ? undefined : await pointOf(thread, checkpoint, wishes.input !== undefined);
  const asksNothing = !wishes.input && !wishes.resume && !steering.command && checkpoint === undefined;
  const goesOn = asksNothing && stopped && interrupts.length === 0;
  const input = toRunInput(wishes, interrupts, { threadId, runId: randomUUID() }, goesBackTo, goesOn);
  if (whenBusy === "interrupt") visitor.need("cancel");
  const temporary = more.temporary === true && !wishes.keepsThread;
  const start = { agent: agent.name, input, whenBusy, detached, steering, goesBackTo, goesOn, ...more, temporary };
  return { run: await visitor.start(start), wishes };
}
