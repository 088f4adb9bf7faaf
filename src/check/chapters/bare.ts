/** Chapter 13: the WebSocket that carries one event a message, without frames. */

import { questionInput } from "../../protocol/question.ts";
import { NotTried, type Probe, type Report } from "../findings.ts";
import { eventOf, isEnd, type Producer, typeOf } from "../producer.ts";
import { Sequence } from "../sequence.ts";
import { withInbox } from "../socket.ts";

export function bareProbes(producer: Producer): Probe[] {
  return [
    { tries: ["13.1"], run: (report) => wholeRun(producer, report) },
    { tries: ["13.2"], run: (report) => cancelled(producer, report) },
  ];
}

async function wholeRun(producer: Producer, report: Report): Promise<void> {
  const input = questionInput(producer.message);
  const frames = await withInbox(producer, undefined, async (inbox) => {
    inbox.send(input);
    await inbox.until((text) => isEnd(typeOf(text)));
    return [...inbox.frames];
  });
  const sequence = new Sequence(input);
  for (const frame of frames) sequence.push(frame);
  sequence.end();
  for (const { what } of sequence.problems) report("13.1", what);
}

async function cancelled(producer: Producer, report: Report): Promise<void> {
  const end = await withInbox(producer, undefined, async (inbox) => {
    inbox.send(questionInput(producer.message));
    await inbox.until((text) => typeOf(text) === "TEXT_MESSAGE_CONTENT" || isEnd(typeOf(text)));
    inbox.send({ type: "cancel" });
    return eventOf(await inbox.until((text) => isEnd(typeOf(text))));
  });
  const outcome =
    (end.outcome as { type?: string } | undefined)?.type ?? (end.type === "RUN_FINISHED" ? "success" : undefined);
  if (outcome === "success") throw new NotTried("the run was over before it could be cancelled");
  if (outcome !== "cancelled") report("13.2", `the run ended with ${outcome ?? end.type}`);
}
