/** One run, from its `RUN_STARTED` to its terminal event: the pump between the graph and the log. */

import type { AllowList } from "../graph/allow-list.ts";
import type { ServedAgent } from "../graph/registry.ts";
import { type GraphInput, type GraphRun, openRun, type RunRequest, type StreamVersion } from "../graph/source.ts";
import type { EventLog, Fence, NewEntry, Provenance } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import {
  type AguiEvent,
  EventType,
  isDelta,
  isTerminal,
  type Message,
  mergeDeltas,
  spanPosition,
} from "../protocol/events.ts";
import { type GraphEvent, type GraphEventName, nodePath } from "../protocol/graph-event.ts";
import { graphTopic, threadTopic } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import { wellFormed } from "../protocol/text.ts";
import { Transcript } from "../store/transcript.ts";
import { toInterrupt } from "../translate/interrupts.ts";
import { createTranslator } from "../translate/run-translator.ts";
import { isNode } from "../translate/steps.ts";
import type { Progress } from "../translate/token-count.ts";
import type { RunEnd, Translator } from "../translate/translator.ts";
import { currentRun } from "./current-run.ts";
import { Deadlines } from "./deadlines.ts";
import { GraphFrames } from "./graph-frames.ts";
import { ProgressReports } from "./progress.ts";
import { OF_ANY_MODEL, provenanceOf, sharedProvenance } from "./provenance.ts";
import { broken, cutOff, ending, graphEnd, plainEnd, type RunOutcome, stopped } from "./run-end.ts";
import { TopicWriter } from "./topic-writer.ts";

export interface RunPlan {
  readonly agent: ServedAgent;
  readonly threadId: string;
  readonly runId: string;
  readonly input: GraphInput;
  /** The messages that came with this run. */
  readonly fresh: readonly Message[];
  /** The thread's transcript before this run; of a fork, as far as it still holds. */
  readonly history: readonly Message[];
  /** Set when the client's history parts from the thread's: the graph goes on from an earlier checkpoint. */
  readonly fork: { readonly checkpointId: string } | undefined;
  /** Followers have to forget what came after `history` and `fresh`: all that holds is told behind `RUN_STARTED`. */
  readonly retold: boolean;
  /** What the client brought for the graph. */
  readonly offered: RunRequest["offered"];
  readonly context: RunRequest["context"];
  readonly store: RunRequest["store"];
  readonly allowList: AllowList;
  readonly tokens: boolean;
  readonly reasoning: boolean;
  /** Milliseconds between two reports of how far it has come; `undefined`: none. */
  readonly progressMs: number | undefined;
  /** Write the graph topic too. */
  readonly graphTopic: boolean;
  readonly version: StreamVersion;
  readonly fence: Fence;
  /** The position in the thread's topic before this run. */
  readonly from: Cursor;
}

/** An event on its way to the log, with what caused it. */
interface Told {
  readonly event: AguiEvent;
  readonly provenance: Provenance | undefined;
}

/** An admitted graph event, serialized; the frame that ends the run has no provenance. */
interface GraphTold {
  readonly json: string;
  readonly provenance: Provenance | undefined;
}

export class Run {
  readonly plan: RunPlan;
  /** How many events the allow-list refused, by name. */
  readonly refused = new Map<GraphEventName, number>();
  readonly #log: EventLog;
  readonly #abort = new AbortController();
  readonly #failed = (error: unknown) => this.#abort.abort(SluiceError.from(error));
  readonly #translator: Translator;
  readonly #transcript: Transcript;
  readonly #agui: TopicWriter<Told>;
  readonly #frames: GraphFrames;
  #graph: TopicWriter<GraphTold> | undefined;
  readonly #provenanceOf = sharedProvenance();
  #progress: ProgressReports | undefined;
  readonly #keep: (messages: readonly Message[]) => void;
  #ended = false;
  #over = false;

  /** `keep` is given what was told so far whenever a node is through. */
  constructor(plan: RunPlan, log: EventLog, keep: (messages: readonly Message[]) => void) {
    this.plan = plan;
    this.#keep = keep;
    const { reasoningTags, nodes, stateKeys, graphFields: fields } = plan.agent;
    const frontendTools = new Set(plan.offered.tools.map((tool) => tool.name));
    this.#translator = createTranslator({ ...plan, reasoningTags, nodes, stateKeys, frontendTools });
    this.#frames = new GraphFrames({ ...plan, reasoningTags, nodes, fields });
    this.#transcript = new Transcript(plan.history);
    this.#log = log;
    const { fence, threadId } = plan;
    const toEntry = (told: Told) => this.#toEntry(told);
    const appended = ({ event }: Told) => {
      this.#over ||= isTerminal(event.type);
      try {
        this.#transcript.push(event);
      } catch (error) {
        // A transcript that cannot be kept ends the run, but its readers still hear its end.
        this.#failed(error);
      }
    };
    this.#agui = new TopicWriter({
      log,
      topic: threadTopic(threadId),
      fence,
      toEntry,
      merge,
      appended,
      failed: this.#failed,
    });
    if (plan.graphTopic) this.writeGraph();
  }

  /** Writes the graph topic from here on. `false` when it is written already. */
  writeGraph(): boolean {
    if (this.#graph) return false;
    const { log, fence, threadId, runId } = { log: this.#log, ...this.plan };
    const toEntry = (told: GraphTold) => graphEntry(told, runId);
    this.#graph = new TopicWriter({ log, topic: graphTopic(threadId), fence, toEntry, failed: this.#failed });
    return true;
  }

  /** Puts `RUN_STARTED` into the log. */
  async begin(): Promise<void> {
    const { fresh, retold } = this.plan;
    this.#tell(this.#translator.start(fresh, retold), undefined);
    await this.#agui.flushed();
    // What cannot begin has no end to tell. Who is cancelled as it begins has.
    if (!this.begun) throw this.#abort.signal.reason;
  }

  /** Drives the graph to its end. Never rejects. */
  async drive(): Promise<RunOutcome> {
    const { agent, threadId, runId } = this.plan;
    try {
      return await currentRun.run({ agent: agent.name, threadId, runId }, () => this.#drive());
    } catch (thrown) {
      this.#ended = true;
      return plainEnd(thrown, this.#transcript);
    }
  }

  async #drive(): Promise<RunOutcome> {
    const { agent, version, progressMs } = this.plan;
    const deadlines = new Deadlines(agent.deadlines, (error) => this.#abort.abort(error));
    if (progressMs !== undefined) this.#progress = new ProgressReports(progressMs, this.#tellProgress);
    let graphRun: GraphRun | undefined;
    let end: RunEnd;
    let cause: unknown;
    try {
      graphRun = openRun(agent.graph, request(this.plan, this.#failed), this.#abort.signal, { version });
      await graphRun.read((event) => {
        deadlines.saw(event);
        this.#pump(event);
        // Who takes the run over goes on behind this node, and what it said will not be said again.
        if (event.event === "on_chain_end" && isNode(event) && nodePath(event).length === 1) this.#keepTold();
      });
      end = ending(graphRun.interrupts.map(toInterrupt), graphRun.cutAnswer);
    } catch (thrown) {
      cause = thrown;
      end = this.#abort.signal.aborted ? stopped(this.#abort.signal.reason) : broken(thrown, graphRun);
    } finally {
      deadlines.stop();
    }
    this.#ended = true;
    this.#progress?.end();
    const closing = this.#translator.finish(end);
    await this.#agui.flushed();
    const whole = new Transcript(this.#transcript.messages);
    for (const event of closing) whole.push(event);
    const state = whole.state ?? this.#transcript.state;
    return { end, closing, messages: whole.messages, state, ...(end.kind === "failed" ? { cause } : {}) };
  }

  /** Puts the closers and the terminal event into the log. The last thing a run does. */
  async finish({ end, closing }: RunOutcome): Promise<void> {
    this.#tell(closing, undefined);
    this.#graph?.add({ json: JSON.stringify(graphEnd(end)), provenance: undefined });
    await Promise.all([this.#agui.flushed(), this.#graph?.flushed()]);
  }

  /** Ends the run as soon as may be. Without an error it was a wish; with one it could not go on. */
  stop(error?: SluiceError): void {
    this.#abort.abort(error ?? new SluiceError("cancelled"));
  }

  /** The graph is done with, or was told to stop; what remains is telling. */
  get ended(): boolean {
    return this.#ended || this.#abort.signal.aborted;
  }

  /** Its `RUN_STARTED` is in the log. */
  get begun(): boolean {
    return this.#agui.cursor !== undefined;
  }

  /** Its terminal event is in the log. */
  get over(): boolean {
    return this.#over;
  }

  /** The thread's transcript so far, open messages included. */
  get messages(): Message[] {
    return this.#transcript.messages;
  }

  /** What was told so far, in step with the log: closed messages, what is open, and the log's position. */
  get snapshot(): { messages: Message[]; state: JsonValue | undefined; open: AguiEvent[]; cursor: Cursor } {
    const { closed: messages, state } = this.#transcript;
    return { messages, state, open: this.#transcript.reopen(), cursor: this.#agui.cursor ?? this.plan.from };
  }

  #keepTold(): void {
    const keep = () => this.#ended || this.#keep(this.#transcript.closed);
    this.#agui.flushed().then(keep, this.#failed);
  }

  #pump(event: GraphEvent): void {
    const { allowList } = this.plan;
    if (event.silent) return;
    if (event.state) {
      this.#tell(this.#translator.state(event.state), undefined); // Exposing a key is its admission.
      return;
    }
    if (!allowList.admits(event)) {
      this.refused.set(event.event, (this.refused.get(event.event) ?? 0) + 1);
      // What closes has its provenance too: a connection that narrowed the event away wants nothing that it says.
      this.#tell(this.#translator.refused(event, allowList.admitsPlace(event)), event);
      this.#progress?.refused(event);
      return;
    }
    if (this.#graph) {
      const json = this.#frames.of(event);
      if (json !== undefined) this.#graph.add({ json, provenance: provenanceOf(event, [event.event]) });
    } else this.#frames.missed(event);
    this.#tell(this.#translator.push(event), event);
    this.#progress?.saw(event);
  }

  readonly #tellProgress = (value: Progress): void => {
    const event = stamped({ type: EventType.CUSTOM, name: "sluice.progress", value });
    this.#agui.add({ event, provenance: OF_ANY_MODEL });
  };

  #tell(events: readonly AguiEvent[], cause: GraphEvent | undefined): void {
    if (events.length === 0) return;
    const provenance = cause && this.#provenanceOf(cause);
    for (const event of events) this.#agui.add({ event: stamped(event), provenance });
  }

  #toEntry({ event, provenance }: Told): NewEntry {
    const { runId } = this.plan;
    return { json: JSON.stringify(event), type: event.type, runId, provenance, ...spanPosition(event) };
  }
}

function merge(a: Told, b: Told): Told | undefined {
  const event = mergeDeltas(a.event, b.event);
  return event && { event, provenance: a.provenance };
}

/** Deltas come by the thousand, in whole characters, and carry no time: the events around them do. */
function stamped(event: AguiEvent): AguiEvent {
  return isDelta(event) ? event : { ...wellFormed(event), timestamp: Date.now() };
}

function request(
  { agent, threadId, runId, input, fork, offered, context, store }: RunPlan,
  fail: (error: unknown) => void,
): RunRequest {
  const checkpointId = fork?.checkpointId;
  const { name, stateKeys, configurable } = agent;
  const whole = { agent: name, threadId, runId, input, checkpointId, offered, stateKeys, configurable, context, store };
  return agent.onCutAnswer === "error" ? { ...whole, onCutAnswer: () => fail(cutOff()) } : whole;
}

function graphEntry({ json, provenance }: GraphTold, runId: string): NewEntry {
  return { json, type: provenance ? "GRAPH" : "GRAPH_END", runId, span: undefined, edge: "point", provenance };
}
