/** Checks that a graph's events reach its clients, and that its requests stop when its run is stopped. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Activity } from "../doctor/activity.ts";
import { examine, type Finding } from "../doctor/doctor.ts";
import type { GraphEvidence } from "../doctor/evidence.ts";
import { counted, duration } from "../doctor/measures.ts";
import type { Check } from "../doctor/spread.ts";
import { loadGraph } from "../graph/loader.ts";
import { openRun } from "../graph/source.ts";
import { Unchecked } from "./unchecked.ts";

export interface Wired {
  /** A graph in a file, such as `./graph.ts:graph`. */
  readonly target: string;
  readonly agent: string | undefined;
  /** An agents.json or a langgraph.json. */
  readonly configFile: string | undefined;
  readonly message: string;
  /** The graph's input, if it takes no messages. */
  readonly input: unknown;
  /** Milliseconds that a run may take. */
  readonly timeoutMs: number;
  readonly cwd: string;
  readonly packageRoot: string;
}

/** The time that a request may outlive its run. */
const STOP_MS = 1_000;
/** The age at which a request counts as under way. */
const UNDER_WAY_MS = 50;

/**
 * Runs a graph as Sluice does, twice: once to its end, and once to stop it.
 * @throws Unchecked when the target is not a graph in a file.
 */
export async function checkWiring(wired: Wired): Promise<Check[]> {
  const { target, cwd, message, input, timeoutMs } = wired;
  const finding = await examine({ ...wired, firstTokenMs: Number.MAX_SAFE_INTEGER, expectReasoning: false });
  const { graph } = finding.evidence;
  if (!graph) throw new Unchecked(`${target} is not a graph in a file.`);
  const stops = await stopsItsRequests(target, cwd, message, input, timeoutMs);
  return [ends(finding), ...wiring(graph), reaches(finding), asks(finding), stops];
}

const SHOWN = 3;

/** A check that passes when there is no problem. Otherwise it names the first few. */
function withoutProblems(name: string, problems: readonly string[], found: string): Check {
  const more = problems.length > SHOWN ? [`and ${problems.length - SHOWN} more`] : [];
  return { name, passed: problems.length === 0, found: [...problems.slice(0, SHOWN), ...more].join("; ") || found };
}

function ends({ evidence: { end } }: Finding): Check {
  const found = end.kind === "failed" ? end.message : end.kind === "timed-out" ? "it took too long" : "it did";
  return { name: "the run ends well", passed: end.kind === "ended", found };
}

function wiring({ nodes, modelCalls, exchanges, helpers }: GraphEvidence): Check[] {
  const known = new Set(nodes.map(({ path }) => path));
  const lost = exchanges.filter(({ inContext }) => !inContext).map(({ what }) => `${what} was made outside of the run`);
  const hidden = exchanges.flatMap(({ node }) => (node === undefined || known.has(node) ? [] : [node]));
  const unheard = nodes.filter(
    ({ path, marks }) =>
      marks.length > 0 && !modelCalls.some(({ node }) => node === path || node.startsWith(`${path}/`)),
  );
  const outside = helpers.map(({ kind, node }) => `node ${node ?? "?"} starts a ${kind}`);
  return [
    withoutProblems(
      "every model call is seen",
      unheard.map(({ path }) => `not that of node ${path}`),
      counted(modelCalls.length, "call"),
    ),
    withoutProblems(
      "every node is seen",
      [...new Set(hidden)].map((node) => `not ${node}`),
      [...known].join(", ") || "none",
    ),
    withoutProblems(
      "all work stays within the run",
      [...lost, ...outside],
      `${counted(exchanges.length, "request")}, all within the run`,
    ),
  ];
}

function reaches({ evidence: { delivered, graph }, verdicts }: Finding): Check {
  const refused = Object.entries(graph?.refused ?? {}).map(([name, count]) => `${count} ${name} refused`);
  // `unknown` counts too: a run without visible tokens does not show that tokens arrive.
  const bad = verdicts.filter(({ kind }) => kind === "fault" || kind === "unknown");
  const faults = bad.map(({ code, sentence }) => `${code}: ${sentence}`);
  const asked = delivered.interrupted && delivered.tokens.length === 0;
  const found = [counted(delivered.tokens.length, "token"), ...refused].join(", ");
  return withoutProblems(
    "tokens reach the stream",
    asked ? [] : faults,
    asked ? "it asked before it said anything" : found,
  );
}

/** LangGraph throws if a graph asks but has no checkpointer to keep the question. */
function asks({ evidence: { end, delivered } }: Finding): Check {
  const forgetful = end.kind === "failed" && /checkpointer/i.test(end.message);
  const found = forgetful
    ? `it has no checkpointer: ${end.message}`
    : delivered.interrupted
      ? "it asks"
      : "it does not ask";
  return { name: "it can be answered when it asks", passed: !forgetful, found };
}

/** Stops a run when its model first shows activity, and waits until its requests are closed. */
async function stopsItsRequests(
  target: string,
  folder: string,
  message: string,
  input: unknown,
  timeoutMs: number,
): Promise<Check> {
  const name = "stopping a run stops its requests";
  const activity = new Activity();
  try {
    const graph = await loadGraph(target, { folder });
    const fed =
      input === undefined
        ? graph
        : {
            ...graph,
            streamEvents: (_: unknown, options: Record<string, unknown>) => graph.streamEvents(input, options),
          };
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(timeoutMs)]);
    const asked = { id: randomUUID(), role: "user" as const, content: message };
    const run = openRun(
      fed,
      {
        agent: "check",
        threadId: randomUUID(),
        runId: randomUUID(),
        input: { kind: "messages", messages: [asked], state: {} },
        checkpointId: undefined,
        configurable: {},
        offered: { tools: [], context: [] },
        stateKeys: [],
      },
      signal,
      { version: "v2" },
    );
    let stoppedAt: number | undefined;
    const stop = () => {
      stoppedAt ??= activity.now;
      controller.abort();
    };
    const watch = setInterval(() => {
      const old = activity.now - UNDER_WAY_MS;
      if (activity.exchanges.some(({ startedAt, endedAt }) => endedAt === undefined && startedAt < old)) stop();
    }, 1);
    await activity.run(async () => {
      try {
        await run.read(({ event }) => {
          if (event === "on_chat_model_stream") stop();
        });
      } catch {
        // The run was stopped, or failed as before. The other checks report that.
      }
      clearInterval(watch);
    });
    const began = stoppedAt ?? Number.POSITIVE_INFINITY;
    const concerned = () => activity.exchanges.filter(({ endedAt }) => endedAt === undefined || endedAt >= began);
    if (concerned().length === 0) return { name, passed: true, found: "there was no request to stop" };
    const open = () => concerned().some(({ endedAt }) => endedAt === undefined);
    while (open() && activity.now - began < STOP_MS) await delay(10);
    const going = concerned().filter(({ cut }) => !cut);
    const problems = going.map(({ what, node }) => `${what} of node ${node ?? "?"} goes on: hand it config.signal`);
    const last = Math.max(...concerned().map(({ endedAt = began }) => endedAt));
    return withoutProblems(name, problems, `hung up after ${duration(last - began)}`);
  } finally {
    activity.stop();
  }
}
