/** Runs a graph once in this process, as Sluice serves it, and keeps the evidence. */
import { randomUUID } from "node:crypto";
import type { ServedAgent } from "../graph/registry.ts";
import { type GraphRun, openRun, type ServedGraph } from "../graph/source.ts";
import type { Message } from "../protocol/events.ts";
import { type GraphEvent, nodePath } from "../protocol/graph-event.ts";
import { messageOf } from "../protocol/redact.ts";
import { MemoryItems } from "../store/items.ts";
import { createTranslator } from "../translate/create-translator.ts";
import { toInterrupt } from "../translate/interrupts.ts";
import type { RunEnd } from "../translate/translator.ts";
import type { Activity } from "./activity.ts";
import { countTags, DeliveryRecorder } from "./delivered.ts";
import type { End, Evidence, GraphEvidence } from "./evidence.ts";
import { GraphRecorder, ModelProbe } from "./graph-recorder.ts";
import type { ModelCalls } from "./model-calls.ts";
import { isFrom } from "./said.ts";

export interface Question {
  /** The text of the question. */
  readonly message: string;
  /** The graph's input instead, when it takes no messages. */
  readonly input: unknown;
  readonly asked: Evidence["asked"];
}

/**
 * Runs `agent`'s graph. `activity` has watched since before the graph's module was loaded. A failure of the graph is
 * evidence, so it does not reject.
 */
export async function observeGraph(
  target: string,
  agent: ServedAgent,
  question: Question,
  activity: Activity,
  calls: ModelCalls,
): Promise<Evidence> {
  const { message, asked } = question;
  const probe = new ModelProbe(calls);
  const recorder = new GraphRecorder(probe, message);
  const deliveries = new DeliveryRecorder();
  const threadId = randomUUID();
  const runId = randomUUID();
  const thread = { threadId, runId, history: [], ownFrom: 0, drafts: {} };
  const translator = createTranslator({ ...agent, ...thread, frontendTools: new Set() });
  const fresh: Message[] = [{ id: randomUUID(), role: "user", content: message }];
  const note = (events: ReturnType<typeof translator.push>, cause?: GraphEvent) => {
    const source = cause && { event: cause.event, runId: cause.run_id, node: nodePath(cause).join("/") };
    for (const event of events) deliveries.push(event, { ...activity.instant, source });
  };
  const each = (event: GraphEvent) => {
    if (event.silent) return;
    if (event.state) return note(translator.state(event.state));
    if (event.failed) return note(translator.failed(event), event);
    recorder.push(event, activity.instant);
    if (agent.allowList.admits(event)) return note(translator.push(event), event);
    recorder.refuse(event, agent.allowList);
    note(translator.refused(event, agent.allowList.admitsPlace(event)), event);
  };
  const signal = AbortSignal.timeout(asked.timeoutMs);
  const run: GraphRun = openRun(
    fedWith(agent.graph, question.input, probe),
    {
      agent: agent.name,
      threadId,
      runId,
      input: { kind: "messages", messages: fresh, state: {} },
      checkpointId: undefined,
      configurable: agent.configurable,
      context: agent.context,
      store: agent.graph.store ?? new MemoryItems().of(agent.name),
      offered: { tools: [], context: [] },
      stateKeys: agent.stateKeys,
    },
    signal,
    { version: "v2" },
  );
  note(translator.start(fresh, false));
  const end = await activity.run(() => read(run, each, signal));
  const totalMs = activity.now;
  note(translator.finish(runEnd(end, run)));
  recorder.finish();
  attribute(deliveries, calls);
  const { nodes, modelCalls, customs, refused } = recorder;
  const { exchanges, helpers, stalls } = activity;
  const graph: GraphEvidence = {
    nodes,
    modelCalls,
    seenCalls: calls.calls,
    exchanges,
    helpers,
    customs,
    stalls,
    refused,
    wholeNodes: nodes.map(({ path }) => path).filter((path) => !tokensOf(path, agent)),
  };
  const said = recorder.text === "" ? deliveries.text : recorder.text;
  return {
    target,
    asked,
    end,
    totalMs,
    delivered: deliveries.delivered,
    tags: countTags(said, asked.reasoningTags),
    graph,
  };
}

async function read(run: GraphRun, each: (event: GraphEvent) => void, signal: AbortSignal): Promise<End> {
  try {
    await run.read(each);
    return { kind: "ended" };
  } catch (error) {
    if (signal.aborted) return { kind: "timed-out" };
    return {
      kind: "failed",
      message: messageOf(error).split("\n", 1)[0] ?? "",
      byModel: run.isModelError(error),
    };
  }
}

/** Assigns each message to the model call with the same text. The texts themselves are not kept. */
function attribute(deliveries: DeliveryRecorder, calls: ModelCalls): void {
  const said = calls.said().filter(([{ inside }]) => !inside);
  for (const message of deliveries.delivered.messages) {
    const found = said.findLast(([, text]) => isFrom(deliveries.textOf(message), text));
    if (found) [message.saidBy] = found;
  }
}

/** May the pieces of a node's messages be sent as they come? */
function tokensOf(path: string, { nodes, tokens }: ServedAgent): boolean {
  return tokens && [path, path.split("/").at(-1) ?? path].every((name) => nodes[name]?.tokens !== false);
}

function runEnd(end: End, { interrupts }: GraphRun): RunEnd {
  if (end.kind !== "ended") return { kind: "cancelled" };
  const [first, ...rest] = interrupts.map((asked) => toInterrupt(asked));
  return first ? { kind: "interrupted", interrupts: [first, ...rest] } : { kind: "done" };
}

/** The graph with `input` instead of messages, and with one more handler. */
function fedWith(graph: ServedGraph, input: unknown, probe: ModelProbe): ServedGraph {
  return {
    streamEvents: (messages, options) => {
      const callbacks = [...((options.callbacks as unknown[] | undefined) ?? []), probe];
      return graph.streamEvents(input === undefined ? messages : input, { ...options, callbacks });
    },
  };
}
