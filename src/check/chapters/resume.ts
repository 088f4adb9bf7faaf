/** Chapter 7: a reader over HTTP that comes back. */

import { questionInput } from "../../protocol/question.ts";
import { NotTried, type Probe, type Report } from "../findings.ts";
import { endOf, eventOf, NO_POSITION, type Producer, readRun, shapeOf, type WireEvent } from "../producer.ts";
import { judgeStanding } from "../standing.ts";

/** The most positions of a run that the probe resumes after. */
const MOST_CUTS = 30;
/** The pieces of text that a reader gets before its connection is cut. */
const CUT_AFTER = 4;

export function resumeProbes(producer: Producer): Probe[] {
  const input = questionInput(producer.message);
  return [
    {
      tries: ["7.1", "7.2", "7.3", "7.4"],
      async run(report) {
        const { events } = await readRun(producer, input);
        const again = await readRun(producer, input);
        if (again.status !== 200) report("7.1", `the same request was answered with ${again.status}`);
        else if (shapeOf(again.events) !== shapeOf(events))
          report("7.1", "the same request was answered with other events");
        await everyCut(producer, input, events, report);
        await otherBody(producer, input, report);
        await lostPosition(producer, input, report);
      },
    },
    { tries: ["7.5"], run: (report) => lostLine(producer, report) },
  ];
}

async function everyCut(
  producer: Producer,
  input: object,
  events: readonly WireEvent[],
  report: Report,
): Promise<void> {
  const places = events.flatMap(({ at }, index) => (at === undefined ? [] : [{ at, index }]));
  const step = Math.max(1, Math.ceil(places.length / MOST_CUTS));
  const chosen = places.filter((_, index) => index % step === 0 || index === places.length - 1);
  for (const { at, index } of chosen) {
    const rest = await readRun(producer, input, { after: at });
    const joined = [...events.slice(0, index + 1), ...rest.events];
    if (shapeOf(joined) !== shapeOf(events)) report("7.2", `after ${at}: ${difference(events, joined)}`);
  }
}

function difference(whole: readonly WireEvent[], joined: readonly WireEvent[]): string {
  const [there, here] = [shapeOf(whole).split("\n"), shapeOf(joined).split("\n")];
  const first = there.findIndex((line, index) => line !== here[index]);
  if (first < 0) return `${here.length - there.length} events too many`;
  return `${(here[first] ?? "nothing").slice(0, 80)} where ${(there[first] ?? "nothing").slice(0, 80)} was`;
}

async function otherBody(producer: Producer, input: { messages: readonly object[] }, report: Report): Promise<void> {
  const more = { ...input, messages: [...input.messages, { id: "other", role: "user", content: "And more." }] };
  const { status, events } = await readRun(producer, more);
  if (status === 200 || events.length > 0)
    report("7.3", `another body under the same runId was answered with ${status}`);
}

async function lostPosition(producer: Producer, input: object, report: Report): Promise<void> {
  const { status, events } = await readRun(producer, input, { after: NO_POSITION });
  const types = events.map(({ json }) => {
    const { type, name } = eventOf(json);
    return type === "CUSTOM" ? String(name) : type;
  });
  if (status !== 200) report("7.4", `it was answered with ${status}`);
  else if (!/(^|\.)gap$/.test(types[1] ?? "")) report("7.4", `no gap was reported: ${types.slice(0, 4).join(", ")}`);
  else judgeStanding(events, "7.4", report);
}

/** Cuts the connection while the run goes on. */
async function lostLine(producer: Producer, report: Report): Promise<void> {
  const input = questionInput(producer.message);
  let count = 0;
  const enough = ({ json, at }: WireEvent) => {
    if (/"TEXT_MESSAGE_CONTENT"/.test(json)) count += 1;
    return count >= CUT_AFTER && at !== undefined;
  };
  const before = await readRun(producer, input, { until: enough });
  if (before.end !== "left") throw new NotTried("the answer was over before its connection could be cut");
  const rest = await readRun(producer, input, { after: before.events.at(-1)?.at });
  const whole = await readRun(producer, input);
  const joined = [...before.events, ...rest.events];
  const end = endOf(whole.events);
  if (end !== "success") report("7.5", `the run ended with ${end}`);
  else if (shapeOf(joined) !== shapeOf(whole.events)) report("7.2", difference(whole.events, joined));
}
