/** Chapters 8 to 11, and the parts of chapter 4 that need a thread's messages: the WebSocket with frames. */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Handshake } from "../../doctor/socket.ts";
import type { RunAgentInput } from "../../protocol/events.ts";
import { questionInput } from "../../protocol/question.ts";
import { NotTried, type Probe, type Report } from "../findings.ts";
import { eventsIn, type Frame, frameOf, judgeFrame, topicOf } from "../frame.ts";
import { endOf, eventOf, isEnd, NO_POSITION, type Producer, SCRIPTS, shapeOf, textsOf } from "../producer.ts";
import { Sequence } from "../sequence.ts";
import { type Inbox, SUBPROTOCOL, withInbox } from "../socket.ts";
import { judgeStanding } from "../standing.ts";

/** The pieces of text that a socket gets before it is cut. */
const CUT_AFTER = 4;
/** Milliseconds that the probe waits for events of a topic after `unsubscribe`. */
const SILENT_MS = 300;
/** A heartbeat may take this many times its period. */
const LATE = 1.5;

export function frameProbes(producer: Producer): Probe[] {
  const within = <T>(use: (inbox: Inbox) => Promise<T>) => withInbox(producer, SUBPROTOCOL, use);
  return [
    {
      tries: ["8.2", "8.3", "8.4", "8.5"],
      run: (report) => within((inbox) => wholeRun(inbox, questionInput(producer.message), report)),
    },
    { tries: ["8.6"], run: (report) => within((inbox) => nonsense(inbox, report)) },
    { tries: ["8.1"], run: (report) => handshakes(producer, report) },
    { tries: ["7.4"], run: (report) => lostPosition(producer, within, report) },
    { tries: ["8.7", "7.5"], run: (report) => cutAndBack(producer, within, report) },
    { tries: ["8.8"], run: (report) => within((inbox) => unsubscribed(inbox, producer, report)) },
    { tries: ["8.9"], run: (report) => within((inbox) => binary(inbox, report)) },
    { tries: ["9.1"], run: (report) => cancelled(producer, within, report) },
    { tries: ["9.2"], run: (report) => within((inbox) => nothingToCancel(inbox, report)) },
    { tries: ["10.1", "10.2", "4.2", "4.3"], run: (report) => watched(producer, within, report) },
    { tries: ["11.1"], run: (report) => within((inbox) => ping(inbox, report)) },
    { tries: ["11.2"], run: (report) => within((inbox) => heartbeat(inbox, producer, report)) },
  ];
}

type Within = <T>(use: (inbox: Inbox) => Promise<T>) => Promise<T>;

const isTerminal = (text: string) => {
  const frame = frameOf(text);
  return frame?.type === "event" && isEnd(frame.data.type);
};

const isContent = (text: string) => {
  const frame = frameOf(text);
  return frame?.type === "event" && frame.data.type === "TEXT_MESSAGE_CONTENT";
};

/** Is this the answer to the frame with this id? */
const answers = (id: string) => (text: string) => {
  const frame = frameOf(text);
  return frame !== undefined && "id" in frame && frame.id === id;
};

async function answerTo(inbox: Inbox, id: string): Promise<Frame> {
  return frameOf(await inbox.until(answers(id))) as Frame;
}

/** @throws Error when the run is refused. */
async function start(inbox: Inbox, input: RunAgentInput): Promise<Frame & { type: "ack" }> {
  inbox.send({ type: "run", id: "run", input, protocol: "1.0" });
  const answer = await answerTo(inbox, "run");
  if (answer.type !== "ack") throw new Error(`the run was refused: ${JSON.stringify(answer).slice(0, 160)}`);
  return answer;
}

async function subscribe(inbox: Inbox, threadId: string, after?: string): Promise<void> {
  inbox.send({ type: "subscribe", id: "subscribe", topic: topicOf(threadId), after, protocol: "1.0" });
  const answer = await answerTo(inbox, "subscribe");
  if (answer.type !== "ack") throw new Error(`it was refused: ${JSON.stringify(answer).slice(0, 160)}`);
}

async function wholeRun(inbox: Inbox, input: RunAgentInput, report: Report): Promise<void> {
  const ack = await start(inbox, input);
  await inbox.until(isTerminal);
  const topic = topicOf(input.threadId);
  if (ack.topic !== topic || ack.runId !== input.runId || ack.cursor === undefined) {
    report("8.4", `the ack has topic ${ack.topic}, run ${ack.runId}, position ${ack.cursor}`);
  }
  const sequence = new Sequence(input);
  let position = ack.cursor;
  let acknowledged = false;
  for (const [index, text] of inbox.frames.entries()) {
    const judged = judgeFrame(text);
    if ("problem" in judged) {
      report("8.3", `frame ${index + 1}: ${judged.problem}`);
      continue;
    }
    const { frame } = judged;
    if ((frame.type === "hello") !== (index === 0)) report("8.2", `frame ${index + 1} is ${frame.type}`);
    if (frame.type === "ack" && frame.id === "run") acknowledged = true;
    if (frame.type !== "event") continue;
    if (!acknowledged) report("8.4", "an event came before the ack");
    // The event is taken from the frame's text, because a schema may fill in defaults.
    sequence.push(JSON.stringify((JSON.parse(text) as { data: unknown }).data));
    if (frame.cursor === undefined) continue;
    if (!follows(position, frame.cursor, frame.n ?? 1)) report("8.5", `${frame.cursor} comes after ${position}`);
    position = frame.cursor;
  }
  sequence.end();
  for (const { id, what } of sequence.problems) report(id, `frames: ${what}`);
}

/** Sends two messages that are no frames, and then a frame. */
async function nonsense(inbox: Inbox, report: Report): Promise<void> {
  inbox.send("no frame");
  const first = frameOf(await inbox.until((text) => frameOf(text)?.type === "error"));
  inbox.send({ type: "no-such-frame", id: "unknown" });
  for (const answer of [first, await answerTo(inbox, "unknown")]) {
    if (answer?.type !== "error") report("8.6", `an unknown frame was answered by ${answer?.type}`);
    else if (answer.code !== "bad_request") report("8.6", `the code is ${answer.code}`);
  }
  inbox.send({ type: "cancel", id: "still", threadId: questionInput("").threadId });
  await answerTo(inbox, "still");
}

async function ping(inbox: Inbox, report: Report): Promise<void> {
  inbox.send({ type: "ping", id: "ping" });
  const { type } = await answerTo(inbox, "ping");
  if (type !== "pong") report("11.1", `it was answered by ${type}`);
}

function follows(before: string | undefined, at: string, count: number): boolean {
  const [epoch, offset] = (before ?? at).split(":");
  return at === `${epoch}:${Number(offset) + (before === undefined ? 0 : count)}`;
}

async function handshakes(producer: Producer, report: Report): Promise<void> {
  const agreed = await withInbox(producer, SUBPROTOCOL, async ({ subprotocol }) => subprotocol);
  if (agreed !== SUBPROTOCOL) report("8.1", `the server agreed to "${agreed}"`);
  try {
    await withInbox(producer, "no-such-protocol.v9", async () => {});
    report("8.1", "an unknown subprotocol was accepted");
  } catch (error) {
    if (!(error instanceof Handshake)) report("8.1", "an unknown subprotocol was accepted");
    else if (error.status < 400 || error.status > 499) report("8.1", `the refusal has the status ${error.status}`);
  }
}

/** Subscribes to a thread after a position that its log never had. */
async function lostPosition({ message }: Producer, within: Within, report: Report): Promise<void> {
  const input = questionInput(message);
  const topic = topicOf(input.threadId);
  const frames = await within(async (inbox) => {
    await start(inbox, input);
    await inbox.until(isTerminal);
    return within(async (other) => {
      await subscribe(other, input.threadId, NO_POSITION);
      await other.until(isTerminal);
      return [...other.frames];
    });
  });
  const [first] = frames.map(frameOf).filter((frame) => frame?.type === "gap" || frame?.type === "event");
  if (first?.type !== "gap") report("7.4", "frames: no gap came before the events");
  judgeStanding(eventsIn(frames, topic), "7.4", report);
}

/**
 * One socket starts a run and is cut. A second socket continues after its last position, and a third socket reads the
 * whole run.
 */
async function cutAndBack({ message }: Producer, within: Within, report: Report): Promise<void> {
  const input = questionInput(message);
  const topic = topicOf(input.threadId);
  const before = await within(async (inbox) => {
    await start(inbox, input);
    let contents = 0;
    await inbox.until((text) => {
      if (isContent(text)) contents += 1;
      return isTerminal(text) || (contents >= CUT_AFTER && eventsIn([text], topic)[0]?.at !== undefined);
    });
    inbox.cut();
    return eventsIn(inbox.frames, topic);
  });
  const [whole, rest] = await within(async (inbox) => {
    await subscribe(inbox, input.threadId, before.findLast(({ at }) => at !== undefined)?.at);
    if (!before.some(({ json }) => isEnd(eventOf(json).type))) await inbox.until(isTerminal);
    const rest = eventsIn(inbox.frames, topic);
    const whole = await within(async (other) => {
      await start(other, input);
      await other.until(isTerminal);
      return eventsIn(other.frames, topic);
    });
    return [whole, rest];
  });
  const end = endOf(whole);
  if (end !== "success") report("7.5", `the run ended with ${end}`);
  if (shapeOf([...before, ...rest]) !== shapeOf(whole)) {
    report("8.7", `${before.length} events before a cut and ${rest.length} after it are not the run's ${whole.length}`);
  }
}

async function unsubscribed(inbox: Inbox, { message }: Producer, report: Report): Promise<void> {
  const input = questionInput(message);
  await start(inbox, input);
  await inbox.until(isContent);
  inbox.send({ type: "unsubscribe", id: "unsubscribe", topic: topicOf(input.threadId) });
  await answerTo(inbox, "unsubscribe");
  await delay(SILENT_MS);
  const late = eventsIn(inbox.frames.slice(inbox.frames.findIndex(answers("unsubscribe"))), topicOf(input.threadId));
  if (late.length > 0) report("8.8", `${late.length} events came after the ack`);
  inbox.send({ type: "cancel", id: "cancel", threadId: input.threadId });
  await answerTo(inbox, "cancel");
}

async function binary(inbox: Inbox, report: Report): Promise<void> {
  await inbox.until((text) => frameOf(text)?.type === "hello");
  inbox.send(new Uint8Array([1, 2, 3]));
  const code = await Promise.race([inbox.closed, delay(2_000)]);
  if (code !== 1003) report("8.9", code === undefined ? "the socket stayed open" : `it was closed with ${code}`);
}

async function cancelled({ message }: Producer, within: Within, report: Report): Promise<void> {
  const input = questionInput(message);
  const topic = topicOf(input.threadId);
  await within((inbox) =>
    within(async (other) => {
      await start(inbox, input);
      await inbox.until(isContent);
      await subscribe(other, input.threadId);
      inbox.send({ type: "cancel", id: "cancel", threadId: input.threadId });
      const [answer] = await Promise.all([answerTo(inbox, "cancel"), inbox.until(isTerminal), other.until(isTerminal)]);
      if (answer.type === "error") throw new NotTried("the run was over before it could be cancelled");
      for (const [who, { frames }] of Object.entries({ "its starter": inbox, "a watcher": other })) {
        const end = endOf(eventsIn(frames, topic));
        if (end !== "cancelled") report("9.1", `${who} was sent ${end}`);
      }
    }),
  );
}

async function nothingToCancel(inbox: Inbox, report: Report): Promise<void> {
  inbox.send({ type: "cancel", id: "cancel", threadId: questionInput("").threadId });
  const answer = await answerTo(inbox, "cancel");
  if (answer.type !== "error" || answer.code !== "not_found")
    report("9.2", `it was answered by ${JSON.stringify(answer)}`);
}

/** Checks a run with a second reader, and with a third reader that comes after the run's end. */
async function watched({ message }: Producer, within: Within, report: Report): Promise<void> {
  const input = questionInput(`${message}\n\n${SCRIPTS}`);
  const topic = topicOf(input.threadId);
  const said = await within((inbox) =>
    within(async (other) => {
      const ack = await start(inbox, input);
      await subscribe(other, input.threadId, ack.cursor);
      await Promise.all([inbox.until(isTerminal), other.until(isTerminal)]);
      const [mine, theirs] = [inbox, other].map(({ frames }) => eventsIn(frames, topic));
      if (shapeOf(mine ?? []) !== shapeOf(theirs ?? [])) report("10.1", "the second reader was sent other events");
      return mine ?? [];
    }),
  );
  const late = await within(async (inbox) => {
    await subscribe(inbox, input.threadId);
    await inbox.until(isTerminal);
    return eventsIn(inbox.frames, topic);
  });
  const messages = judgeStanding(late, "10.2", report);
  for (const [id, text] of textsOf(said)) {
    const kept = messages.find((message) => message.id === id)?.content;
    if (kept !== text) report("4.2", `message ${id} was sent with ${text.length} characters, and kept as other text`);
  }
  const asked = messages.find(({ role }) => role === "user")?.content;
  if (asked !== input.messages[0]?.content)
    report("4.3", `the user's text is kept as ${JSON.stringify(asked)?.slice(0, 120)}`);
}

async function heartbeat(inbox: Inbox, { timeoutMs }: Producer, report: Report): Promise<void> {
  const hello = frameOf(await inbox.until((text) => frameOf(text)?.type === "hello"));
  const everyMs = hello?.type === "hello" ? hello.heartbeatSeconds * 1_000 : 0;
  if (everyMs * LATE > timeoutMs)
    throw new NotTried(`a heartbeat comes every ${everyMs / 1_000} s, which is too long to wait for`);
  const beat = inbox.until((text) => frameOf(text)?.type === "heartbeat");
  // One turn more: a heartbeat that came while this process was busy is read then.
  const late = delay(everyMs * LATE).then(() => nextTurn());
  const came = await Promise.race([beat, late]);
  beat.catch(() => {}); // It may come too late.
  if (came === undefined) report("11.2", `no heartbeat came within ${(everyMs * LATE) / 1_000} s`);
}
