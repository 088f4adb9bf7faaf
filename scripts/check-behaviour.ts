/** `npm run check-behaviour`: does a served agent do end to end what its clients count on? */
import { attempt, type Check, checkServer, expectThat, runScript } from "./checks/check.ts";
import { type Ask, ENDS, type Inbox, inputOf, openSocket, postRun, type SseBlock, typeOf } from "./checks/run.ts";

const USAGE = `Usage: npm run check-behaviour [-- options]

Talks to a Sluice as its clients do: asks for a whole answer, streams one, cancels one, loses its line in the middle and
comes back, over SSE and over a WebSocket. Fails when something is lost, told twice, or not as PROTOCOL.md says.

Options:
  --url <url>          the server, such as http://127.0.0.1:8123; without it one is started with the demo model
  --agent <name>       the agent to ask (the server's first)
  --message <text>     what to say; its answer should take a second or more (a greeting)
  --timeout <seconds>  how long a run may take (60)
  --json               the checks as JSON
  --help               this`;

/** So many events of an answer are told before the line is cut. */
const CUT_AFTER = 5;

/** The checks of one server, one after the other. */
export async function behaviourChecks(ask: Ask): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [name, what] of Object.entries(CHECKS)) checks.push(await attempt(name, () => what(ask)));
  return checks;
}

const CHECKS: Record<string, (ask: Ask) => Promise<string>> = {
  chat,
  stream,
  attach,
  cancel,
  resume,
  reconnect,
  "two readers": twoReaders,
};

/** A whole answer at once. */
async function chat({ url, agent, message, timeoutMs }: Ask): Promise<string> {
  const body = JSON.stringify({ message, ...(agent === undefined ? {} : { agent }) });
  const headers = { "content-type": "application/json" };
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(`${url}/chat`, { method: "POST", headers, body, signal });
  const answer = (await response.json()) as { message?: string };
  expectThat(response.ok, `POST /chat answered ${response.status} ${JSON.stringify(answer).slice(0, 120)}`);
  expectThat(answer.message, "the answer is empty");
  return `${answer.message.length} characters`;
}

/** A streamed answer, which the thread's messages hold afterwards. */
async function stream(ask: Ask): Promise<string> {
  const input = inputOf(ask.message);
  const { blocks } = await postRun(ask, input);
  const said = textOf(blocks);
  expectWhole(blocks);
  expectThat(said !== "", "no text was streamed");
  const response = await fetch(`${ask.url}/threads/${encodeURIComponent(input.threadId)}/messages`);
  const { messages = [] } = (await response.json()) as { messages?: { role: string; content?: string }[] };
  const kept = messages.filter(({ role }) => role === "assistant").map(({ content = "" }) => content);
  expectThat(kept.join("") === said, "the thread's messages are not what was streamed");
  return `${pieces(blocks)} pieces, ${said.length} characters, kept as told`;
}

/** The same request again tells the same run, and starts no other. */
async function attach(ask: Ask): Promise<string> {
  const input = inputOf(ask.message);
  const first = await postRun(ask, input);
  const again = await postRun(ask, input);
  expectThat(textOf(again.blocks) === textOf(first.blocks), "the run is told in other words the second time");
  expectThat(again.blocks.at(-1)?.id === first.blocks.at(-1)?.id, "the same request started another run");
  return "the same runId tells the same run";
}

async function cancel(ask: Ask): Promise<string> {
  const input = inputOf(ask.message);
  const { socket } = await startFrames(ask, input);
  await socket.until((frame) => isContent(dataOf(frame)));
  const asked = performance.now();
  socket.send({ type: "cancel", id: "cancel", threadId: input.threadId });
  const last = dataOf(await socket.until((frame) => ENDS.includes(dataOf(frame).type)));
  const tookMs = performance.now() - asked;
  socket.close();
  expectThat(
    (last.outcome as { type?: string } | undefined)?.type === "cancelled",
    `the run ended with ${JSON.stringify(last.outcome ?? last.type)}: was it over before? Give a --message with a longer answer`,
  );
  return `ended as cancelled after ${tookMs.toFixed(0)} ms`;
}

/** An SSE line is cut in the middle; Last-Event-ID goes on behind it. */
async function resume(ask: Ask): Promise<string> {
  const input = inputOf(ask.message);
  let contents = 0;
  const enough = ({ data, id }: SseBlock) => {
    if (data !== undefined && isContent(JSON.parse(data) as Event)) contents += 1;
    return contents >= CUT_AFTER && id !== undefined;
  };
  const before = await postRun(ask, input, { enough });
  const after = before.blocks.at(-1)?.id;
  expectThat(contents >= CUT_AFTER && after !== undefined, "the answer was over before the line could be cut");
  const rest = await postRun(ask, input, { after });
  return compared(ask, input, [...before.blocks, ...rest.blocks], `cut at ${after}`);
}

/** A socket is cut in the middle; another subscribes behind its last cursor. */
async function reconnect(ask: Ask): Promise<string> {
  const input = inputOf(ask.message);
  const { socket, topic } = await startFrames(ask, input);
  let contents = 0;
  await socket.until((frame) => {
    if (isContent(dataOf(frame))) contents += 1;
    return contents >= CUT_AFTER && "cursor" in (JSON.parse(frame) as object);
  });
  socket.cut();
  const before = [...socket.frames];
  const after = before.map(cursorOf).findLast((cursor) => cursor !== undefined);
  const next = await openSocket(ask, {}, "sluice.v1");
  next.send({ type: "subscribe", id: "subscribe", topic, after, protocol: "1.0" });
  await next.until((frame) => ENDS.includes(dataOf(frame).type));
  next.close();
  const blocks = [...before, ...next.frames].filter((frame) => typeOf(frame) === "event").map(asBlock);
  return compared(ask, input, blocks, `cut at ${after}`);
}

/** Another socket on the same thread is told the same. */
async function twoReaders(ask: Ask): Promise<string> {
  const input = inputOf(ask.message);
  const { socket, topic } = await startFrames(ask, input);
  await socket.until((frame) => isContent(dataOf(frame)));
  const other = await openSocket(ask, {}, "sluice.v1");
  const first = socket.frames.find((frame) => typeOf(frame) === "ack");
  other.send({ type: "subscribe", id: "subscribe", topic, after: first && cursorOf(first), protocol: "1.0" });
  await Promise.all([socket, other].map((one) => one.until((frame) => ENDS.includes(dataOf(frame).type))));
  const [mine, theirs] = [socket, other].map(({ frames }) => textOf(frames.map(asBlock)));
  socket.close();
  other.close();
  expectThat(mine === theirs, "the second reader was told something else");
  return `both were told ${mine?.length} characters`;
}

/** What was told in two parts is what is told as a whole, and no event was lost or told twice. */
async function compared(
  ask: Ask,
  input: ReturnType<typeof inputOf>,
  blocks: SseBlock[],
  found: string,
): Promise<string> {
  expectWhole(blocks);
  const offsets = blocks.flatMap(({ id }) => (id === undefined ? [] : [Number(id.split(":")[1])]));
  const back = offsets.findIndex((offset, index) => index > 0 && offset <= (offsets[index - 1] ?? 0));
  expectThat(back < 0, `cursor ${offsets[back]} comes after ${offsets[back - 1]}: something was told twice`);
  const whole = await postRun(ask, input);
  expectThat(textOf(blocks) === textOf(whole.blocks), "what came in two parts is not what was said");
  return `${found}, ${offsets.length} events, nothing lost or told twice`;
}

async function startFrames(ask: Ask, input: ReturnType<typeof inputOf>): Promise<{ socket: Inbox; topic: string }> {
  const socket = await openSocket(ask, {}, "sluice.v1");
  socket.send({ type: "run", id: "run", input, ...(ask.agent === undefined ? {} : { agent: ask.agent }) });
  const answer = await socket.until((frame) => ["ack", "error"].includes(typeOf(frame)));
  expectThat(typeOf(answer) === "ack", answer);
  return { socket, topic: `thread:${encodeURIComponent(input.threadId)}` };
}

type Event = Record<string, unknown> & { readonly type: string };

function dataOf(frame: string): Event {
  const { data } = JSON.parse(frame) as { data?: Event };
  return data ?? { type: "" };
}

function cursorOf(frame: string): string | undefined {
  return (JSON.parse(frame) as { cursor?: string }).cursor;
}

function asBlock(frame: string): SseBlock {
  return { id: cursorOf(frame), data: JSON.stringify(dataOf(frame)) };
}

function isContent({ type }: Event): boolean {
  return type === "TEXT_MESSAGE_CONTENT";
}

function eventsOf(blocks: readonly SseBlock[]): Event[] {
  return blocks.flatMap(({ data }) => (data === undefined ? [] : [JSON.parse(data) as Event]));
}

function textOf(blocks: readonly SseBlock[]): string {
  return eventsOf(blocks)
    .map((event) => (isContent(event) ? String(event.delta) : ""))
    .join("");
}

function pieces(blocks: readonly SseBlock[]): number {
  return eventsOf(blocks).filter(isContent).length;
}

function expectWhole(blocks: readonly SseBlock[]): void {
  const events = eventsOf(blocks);
  const ends = events.filter(({ type }) => ENDS.includes(type));
  const [end] = ends;
  expectThat(events.length > 0, "no event came");
  expectThat(end?.type !== "RUN_ERROR", `the run failed: ${String(end?.code)} ${String(end?.message)}`);
  expectThat(ends.length === 1, `the run was told to end ${ends.length} times`);
}

runScript(import.meta, () => checkServer(USAGE, behaviourChecks));
