/** Graphs that emit exactly what a test says, and a run manager around them. */
import { servedAgent } from "../../src/app/served-agent.ts";
import { type AgentEntry, defaultAgent } from "../../src/config/agents.ts";
import { readSettings } from "../../src/config/settings.ts";
import { Counts } from "../../src/counts/counts.ts";
import { Registry, type ServedAgent } from "../../src/graph/registry.ts";
import type { ServedGraph } from "../../src/graph/source.ts";
import type { EventLog, LogEntry } from "../../src/log/log.ts";
import { MemoryLog } from "../../src/log/memory.ts";
import type { AguiEvent, RunAgentInput } from "../../src/protocol/events.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import type { RunHandle } from "../../src/runs/handle.ts";
import { RunManager, type RunManagerOptions } from "../../src/runs/manager.ts";
import type { LeftRun } from "../../src/runs/recovery.ts";
import { ALONE } from "../../src/store/instances.ts";
import { MemoryItems } from "../../src/store/items.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import type { RunEnd } from "../../src/translate/translator.ts";
import { pagesOf } from "../log/pages.ts";
import { sourceFor } from "../support/stream-source.ts";

export interface Script {
  /** The id of the run's root. */
  readonly rootId: string;
  readonly signal: AbortSignal;
  readonly input: unknown;
}

/** A graph whose every run emits what `play` yields. */
export function scripted(play: (script: Script) => AsyncIterable<GraphEvent>): ServedGraph {
  return {
    streamEvents: (input, options) =>
      play({ rootId: options.runId as string, signal: options.signal as AbortSignal, input }),
  };
}

/** A graph that emits these events and ends. */
export function emitting(...events: GraphEvent[]): ServedGraph {
  return scripted(async function* () {
    yield* events;
  });
}

/** The events of a graph that waits for a person. */
export function interrupting(rootId: string, id: string, value: unknown): GraphEvent {
  const chunk = ["updates", { __interrupt__: [{ id, value }] }];
  return { event: "on_chain_stream", name: "LangGraph", run_id: rootId, tags: [], metadata: {}, data: { chunk } };
}

/** A promise with its handle. */
export class Gate {
  open: () => void = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

export const NEVER = new Promise<never>(() => {});

export interface Ended {
  readonly runId: string;
  readonly end: RunEnd;
  readonly cause: unknown;
}

export interface TestRuns {
  readonly runs: RunManager;
  readonly log: MemoryLog;
  readonly store: Store;
  /** Every run that ended, in order. */
  readonly ended: Ended[];
  /** Recovers the runs that an earlier process left. */
  recover(): Promise<LeftRun[]>;
  start(input?: Partial<RunAgentInput>, agent?: string): Promise<RunHandle>;
  /** A run's events, once it has ended. */
  eventsOf(handle: RunHandle): Promise<AguiEvent[]>;
  /** Resolves when an event of the thread, old or new, passes the test. */
  until(test: (event: AguiEvent) => boolean, threadId?: string): Promise<void>;
  /** Resolves when no run is active any more and all listeners were called. */
  idle(): Promise<void>;
  /** Drains, and ends the remaining runs after the grace period. */
  close(graceMs: number): Promise<void>;
  snapshot(threadId: string): ReturnType<RunManager["threads"]["snapshot"]>;
}

export const USER = { id: "u1", role: "user" as const, content: "hi" };

export function inputFor(input: Partial<RunAgentInput> = {}): RunAgentInput {
  return { threadId: "t", runId: "r", messages: [USER], tools: [], context: [], ...input };
}

type Options = Partial<RunManagerOptions> & {
  entry?: Partial<AgentEntry>;
  env?: Record<string, string>;
  eventLog?: EventLog;
};

export function agentOf(name: string, graph: object, { entry, env = {} }: Options = {}): ServedAgent {
  const config = { ...readSettings({ ...sourceFor(env), ...env }), filters: {} };
  return servedAgent(name, { ...defaultAgent(name), ...entry }, config, graph as ServedGraph);
}

/** A run manager that serves `graphs`; the first is the default. */
export function testRuns(graphs: Record<string, object> | object, options: Options = {}): TestRuns {
  const named = "streamEvents" in graphs ? { agent: graphs } : (graphs as Record<string, object>);
  const agents = Object.entries(named).map(([name, graph]) => agentOf(name, graph, options));
  const log = new MemoryLog({ maxEvents: 100_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 });
  const { store = new MemoryStore(1_000, () => {}) } = options;
  const ended: Ended[] = [];
  const tookUp: LeftRun[] = [];
  const { entry: _, env: __, eventLog, ...rest } = options;
  const runs = new RunManager({
    registry: new Registry(agents as [ServedAgent, ...ServedAgent[]]),
    log: eventLog ?? log,
    store,
    items: new MemoryItems(),
    contextOf: () => ({}),
    version: "v2",
    counts: new Counts(),
    limits: { run: async () => () => {}, goesOn: () => () => {} },
    maxActiveRuns: 100,
    instances: ALONE,
    tookUp: (left) => tookUp.push(left),
    notDeleted: (_, error) => {
      throw error;
    },
    failed: (error) => {
      throw error;
    },
    ended: (run, end, cause) => ended.push({ runId: run.plan.runId, end, cause }),
    ...rest,
  });
  return {
    runs,
    log,
    store,
    ended,
    async recover() {
      await runs.recover();
      return tookUp.splice(0);
    },
    start: (input, agent) => {
      // A reader follows each run, so that it does not count as abandoned.
      const full = inputFor(input);
      runs.follow(full.threadId);
      return runs.start({ agent, input: full });
    },
    until: async (test, threadId = "t") => {
      const controller = new AbortController();
      for await (const page of pagesOf(log, threadTopic(threadId), null, controller.signal)) {
        if (page.entries.some(({ json }) => test(JSON.parse(json) as AguiEvent))) break;
      }
      controller.abort();
    },
    idle: async () => {
      while (runs.activeCount > 0) await new Promise((resolve) => setImmediate(resolve));
    },
    close: (graceMs) => runs.close(graceMs, new AbortController().signal),
    snapshot: (threadId) => runs.threads.snapshot(threadId),
    eventsOf: async (handle) => (await entriesOf(log, handle)).map(({ json }) => JSON.parse(json) as AguiEvent),
  };
}

/** A run's log entries, from its first to its terminal one. */
export async function entriesOf(log: EventLog, handle: RunHandle): Promise<LogEntry[]> {
  const controller = new AbortController();
  const entries: LogEntry[] = [];
  try {
    for await (const page of pagesOf(log, handle.topic, handle.from, controller.signal)) {
      if (page.gap) throw new Error(`gap: ${page.gap}`);
      for (const entry of page.entries) {
        entries.push(entry);
        if (entry.type === "RUN_FINISHED" || entry.type === "RUN_ERROR") return entries;
      }
    }
  } finally {
    controller.abort();
  }
  return entries;
}

/** The log entries of a run that emits these events and ends so. */
export async function logged(events: readonly GraphEvent[], end: RunEnd, options: Options = {}): Promise<LogEntry[]> {
  const subject = testRuns(
    scripted(async function* ({ rootId }) {
      yield* events;
      if (end.kind === "failed") throw new Error("no luck");
      if (end.kind === "interrupted") yield interrupting(rootId, "i1", "Go on?");
      if (end.kind !== "cancelled") return;
      await subject.runs.cancel("t");
      await NEVER;
    }),
    { env: { STREAM_ALLOWED_EVENTS: "*" }, ...options },
  );
  return entriesOf(subject.log, await subject.start());
}
