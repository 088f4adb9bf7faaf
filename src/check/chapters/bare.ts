/** Chapter 13: the WebSocket that carries one event a message, without frames. */

import { questionInput } from "../../protocol/question.ts";
import { NotTried, type Probe, type Report } from "../findings.ts";
import { endOf, isEnd, type Producer, typeOf } from "../producer.ts";
import { Sequence } from "../sequence.ts";
import { withInbox } from "../socket.ts";

/** Milliseconds that a cancellation may take. A run that succeeds earlier may have been over before it. */
const IN_TIME_MS = 1_000;

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
  const { end, tookMs } = await withInbox(producer, undefined, async (inbox) => {
    inbox.send(questionInput(producer.message));
    await inbox.until((text) => typeOf(text) === "TEXT_MESSAGE_CONTENT" || isEnd(typeOf(text)));
    const asked = performance.now();
    inbox.send({ type: "cancel" });
    const end = endOf([{ json: await inbox.until((text) => isEnd(typeOf(text))) }]);
    return { end, tookMs: performance.now() - asked };
  });
  if (end === "success" && tookMs < IN_TIME_MS) throw new NotTried("the run was over before it could be cancelled");
  if (end !== "cancelled") report("13.2", `the run ended with ${end}`);
}
