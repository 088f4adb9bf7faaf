/** Runs a graph on one process, or on one after the other, and makes the events of both comparable. */
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import type { AgentEntry } from "../../src/config/agents.ts";
import { type AguiEvent, mergeDeltas, type RunAgentInput } from "../../src/protocol/events.ts";
import type { Instances } from "../../src/store/instances.ts";
import { endOf, followThread } from "./follower.ts";
import type { Deployment } from "./processes.ts";
import type { TestSluice } from "./sluice.ts";
import { userInput } from "./sse-client.ts";
import { connect } from "./ws-client.ts";

/** A first step that lasts until the test lets it go. */
type FirstStep = () => Promise<object>;

/** A run to be left at each border. */
export interface BorderCase {
  readonly graph: (wait: FirstStep) => { compile(options: { checkpointer: BaseCheckpointSaver }): object };
  readonly entry?: Partial<AgentEntry>;
  readonly env?: Record<string, string>;
  readonly input?: Partial<RunAgentInput>;
  /** Borders between two steps. */
  readonly borders: number;
  /** A text that a filter keeps back. */
  readonly hidden?: string;
  /** Branches run side by side: the order of their events is not the same each time. */
  readonly parallel?: boolean;
}

/**
 * Runs the case on two processes of this deployment, which has no others. The first leaves it at that border, or at
 * none. Returns all that the second one sent.
 */
export async function sentBy(deployment: Deployment, { graph, entry, env, input: more }: BorderCase, border?: number) {
  let go: () => void = () => {};
  const gone = new Promise<void>((resolve) => {
    go = resolve;
  });
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const wait = async () => {
    begin();
    await gone;
    return {};
  };
  let passed = 0;
  const once = (): Partial<Instances> => ({ hasSuccessor: async () => ++passed === border });
  // Both processes have the same models, which go on.
  const served = graph(wait);
  const agents = (checkpointer: BaseCheckpointSaver) => ({
    agent: {
      graph: served.compile({ checkpointer }),
      entry: { recover: true, detachedGraceSeconds: 60, graphTopic: true, ...entry },
    },
  });
  const [leaving, other] = [
    await deployment.start(agents, { DRAIN_SECONDS: "60", ...env }, once),
    await deployment.start(agents, env),
  ];
  const input = userInput("go", more);
  const reader = followThread(other.url, input.threadId);
  const graphReader = await connect(`${other.ws}/ws?thread=${input.threadId}&format=langgraph`);
  await reader.until(({ type }) => type === "RUN_FINISHED"); // The state of an empty thread.
  const headers = { "content-type": "application/json", prefer: "respond-async" };
  await fetch(`${leaving.url}/agui`, { method: "POST", headers, body: JSON.stringify(input) });
  await begun;
  const closed = border === undefined ? undefined : leaving.close();
  go();
  await reader.until(endOf(input.runId));
  await graphReader.until((frame) => /^(done|error) /.test(nameOf(frame)));
  const start = reader.events.findIndex((event) => event.type === "RUN_STARTED" && event.runId === input.runId);
  const sent = {
    events: reader.events.slice(start),
    gaps: reader.gaps,
    cursors: reader.cursors,
    frames: graphReader.frames,
    messages: await messagesOf(other, input.threadId),
    held: reader.messages,
    passed,
  };
  reader.close();
  await graphReader.close();
  await closed;
  await deployment.close();
  return sent;
}

const messagesOf = async ({ url }: TestSluice, threadId: string) =>
  ((await (await fetch(`${url}/threads/${threadId}/messages`)).json()) as { messages: object[] }).messages;

/**
 * The events without what differs in each run: ids, times, the number of pieces, and the order of states among other
 * events. Of branches that run side by side, the set of their events.
 */
export function comparable(events: readonly AguiEvent[], parallel = false): string[] {
  const ids = new Map<string, string>();
  const named = (id: string) => ids.get(id) ?? (ids.set(id, `id-${ids.size + 1}`).get(id) as string);
  const lines = merged(events.filter(isCompared)).map((event) =>
    JSON.stringify(event)
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, named)
      .replace(/"(elapsedMs|timeToFirstTokenMs|tokensPerSecond)":[\d.]+,?/g, ""),
  );
  const isState = (line: string) => line.startsWith('{"type":"STATE_');
  if (!parallel) return [...lines.filter((line) => !isState(line)), ...lines.filter(isState)];
  // Each correction of one branch brings the messages of all.
  const sent = lines.filter((line) => !line.includes("MESSAGES_SNAPSHOT"));
  return sent.map((line) => line.replace(/id-\d+/g, "id").replace(/#\d/g, "")).sort();
}

function isCompared(event: AguiEvent): boolean {
  return (
    event.type !== "CUSTOM" || event.name !== "sluice.progress" || (event.value as { final?: true }).final === true
  );
}

function merged(events: readonly AguiEvent[]): AguiEvent[] {
  const whole: AguiEvent[] = [];
  for (const { timestamp: _, ...rest } of events) {
    const event = rest as AguiEvent;
    const last = whole.at(-1);
    const grown = last && mergeDeltas(last, event);
    if (grown) whole[whole.length - 1] = grown;
    else whole.push(event);
  }
  return whole;
}

/** The graph events in frames of the `langgraph` format. Their order is promised within a node only. */
export function frameNames(frames: readonly string[]): string[] {
  return frames
    .map(nameOf)
    .filter((name) => !name.startsWith("gap"))
    .sort();
}

/** The ids of the graph's own run in these frames. */
export function rootIds(frames: readonly string[]): ReadonlySet<unknown> {
  const events = frames.map((frame) => JSON.parse(frame) as { name?: string; run_id?: string });
  return new Set(events.flatMap(({ name, run_id }) => (name === "agent" ? [run_id] : [])));
}

function nameOf(frame: string): string {
  const { event, name } = JSON.parse(frame) as { event?: string; name?: string };
  return `${event} ${name}`;
}
