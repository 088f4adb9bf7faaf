/** Chapters 1 to 6: one run over HTTP, event by event. */
import { judgeSpread, type Token } from "../../doctor/spread.ts";
import { questionInput } from "../../protocol/question.ts";
import { NotTried, type Probe, type Report } from "../findings.ts";
import { eventOf, type Producer, type Recording, readRun, textOf, typeOf, type WireEvent } from "../producer.ts";
import type { RequirementId } from "../requirements.ts";
import { Sequence } from "../sequence.ts";

const POSITION = /^[A-Za-z0-9]{1,32}:\d{1,15}$/;

/** `run`: the response to `input`. */
export function responseProbes(producer: Producer, input: Asked, run: Recording): Probe[] {
  return [
    {
      tries: ["1.1", "1.2", "1.4", "1.5", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "3.1"],
      async run(report) {
        judgeResponse(run, report);
        judgeSequence(run, report, input);
      },
    },
    { tries: ["1.3"], run: (report) => refusal(producer, report) },
    { tries: ["4.1"], run: async (report) => judgeText(answered(run), report) },
    { tries: ["5.1", "5.2", "5.3"], run: async (report) => judgePace(answered(run), report) },
  ];
}

interface Asked {
  readonly threadId: string;
  readonly runId: string;
}

/** The chapter on positions, for a server whose events have positions. */
export function positionProbe(run: Recording): Probe {
  return {
    tries: ["6.1", "6.2", "6.3"],
    async run(report) {
      const positions = run.events.flatMap(({ at }) => (at === undefined ? [] : [at]));
      for (const at of positions) if (!POSITION.test(at)) report("6.1", `${at} is no position`);
      judgeOrder(positions, report, "6.2");
      if (run.events.at(-1)?.at === undefined) report("6.3", "the last event has no position");
    },
  };
}

/** Checks that the positions of a run grow, in one epoch. */
export function judgeOrder(positions: readonly string[], report: Report, id: RequirementId): void {
  let before: string | undefined;
  for (const at of positions) {
    const [epoch, offset] = at.split(":");
    const [lastEpoch, last] = before?.split(":") ?? [];
    if (lastEpoch !== undefined && epoch !== lastEpoch) report(id, `the epoch changes from ${lastEpoch} to ${epoch}`);
    else if (last !== undefined && Number(offset) <= Number(last)) report(id, `${at} comes after ${before}`);
    before = at;
  }
}

/** The run, if its answer has text. Without text, text and pace cannot be judged. */
function answered(run: Recording): Recording {
  if (textOf(run.events) === "") throw new NotTried("the answer has no text");
  return run;
}

/** Reports what is wrong with a response as a whole. */
function judgeResponse(run: Recording, report: Report): void {
  const { status, type, caching, strange, end, body, events, lingeredMs } = run;
  if (status !== 200) throw new Error(`a run was answered with ${status} ${body.slice(0, 120)}`.trim());
  if (!/^text\/event-stream\b/i.test(type)) report("1.1", `the type is ${type || "missing"}`);
  for (const what of strange) report("1.2", what);
  const directives = caching.toLowerCase().split(/ *, */);
  if (!directives.includes("no-transform") || !directives.some((name) => name === "no-cache" || name === "no-store"))
    report("1.5", caching === "" ? "there is no Cache-Control" : `Cache-Control is ${caching}`);
  if (end === "hung") {
    report("1.4", `the response was still open ${Math.round(lingeredMs)} ms after the last event`);
    if (!events.some(({ json }) => /"RUN_(FINISHED|ERROR)"/.test(json)))
      throw new Error("the run was not over in time");
  }
  if (end === "cut") throw new Error("the line was cut");
}

function judgeSequence({ events }: Recording, report: Report, asked: Asked): void {
  const sequence = new Sequence(asked);
  for (const { json } of events) sequence.push(json);
  sequence.end();
  for (const { id, what } of sequence.problems) report(id, what);
  const { terminal } = sequence;
  if (terminal?.type === "RUN_ERROR") throw new NotTried(`the run failed: ${terminal.code ?? ""} ${terminal.message}`);
}

/** Sends an invalid input. It names a thread, so that a server that accepts it anyway has a place for it. */
async function refusal(producer: Producer, report: Report): Promise<void> {
  const { threadId, runId } = questionInput("");
  const { status, events } = await readRun(producer, { threadId, runId, messages: "no list" });
  if (status < 400 || status > 499) report("1.3", `messages that are no list were answered with ${status}`);
  else if (events.length > 0) report("1.3", "events came before the refusal");
}

function judgeText({ events }: Recording, report: Report): void {
  for (const { json } of events) {
    const { type, delta } = eventOf(json);
    if (typeof delta !== "string") continue;
    if (!delta.isWellFormed()) report("4.1", `a ${type} has half a character: ${JSON.stringify(delta.slice(0, 40))}`);
    else if (delta.includes("\uFFFD")) report("4.1", `a ${type} has U+FFFD: a character was cut in two on its way`);
  }
}

function judgePace({ events }: Recording, report: Report): void {
  const { checks } = judgeSpread(events.flatMap(tokenOf));
  if (checks.length === 0) throw new NotTried("the answer is too short to show its pace");
  const ids = ["5.1", "5.2", "5.3"] as const;
  checks.forEach(({ passed, found }, index) => {
    const id = ids[index];
    if (!passed && id) report(id, found);
  });
}

function tokenOf({ json, ms }: WireEvent): Token[] {
  const { delta, messageId, toolCallId } = eventOf(json);
  if (typeof delta !== "string" || delta === "") return [];
  return [
    { span: `${typeOf(json).split("_")[0]} ${String(messageId ?? toolCallId)}`, characters: delta.length, at: ms },
  ];
}
