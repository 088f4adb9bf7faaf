/** A run's admitted graph events on their way to its thread's graph topic, which is written only when somebody wants it. */
import type { EventLog, NewEntry, Provenance } from "../log/log.ts";
import { type GraphEvent, namespace } from "../protocol/graph-event.ts";
import { graphTopic } from "../protocol/ids.ts";
import type { RunEnd } from "../translate/translator.ts";
import { GraphFrames } from "./graph-frames.ts";
import { provenanceOf } from "./provenance.ts";
import type { RunPlan } from "./run-plan.ts";
import { TopicWriter } from "./topic-writer.ts";

/** A frame; the one that ends the run has no provenance. */
interface Frame {
  readonly json: string;
  readonly provenance: Provenance | undefined;
}

export class GraphTopic {
  readonly #plan: RunPlan;
  readonly #log: EventLog;
  readonly #failed: (error: unknown) => void;
  readonly #frames: GraphFrames;
  #writer: TopicWriter<Frame> | undefined;
  /** The id of the graph's own run in this process. */
  #root: string | undefined;

  /** `failed`: the log refused. */
  constructor(plan: RunPlan, log: EventLog, failed: (error: unknown) => void) {
    this.#plan = plan;
    this.#log = log;
    this.#failed = failed;
    const { reasoningTags, nodes, graphFields: fields } = plan.agent;
    this.#frames = new GraphFrames({ ...plan, reasoningTags, nodes, fields });
    if (plan.graphTopic) this.open();
  }

  /** Writes it from here on. `false` when it is written already. */
  open(): boolean {
    if (this.#writer) return false;
    const { threadId, runId, fence } = this.#plan;
    this.#writer = new TopicWriter({
      log: this.#log,
      topic: graphTopic(threadId),
      fence,
      toEntry: (frame) => entryOf(frame, runId),
      failed: this.#failed,
    });
    return true;
  }

  /** It is written. */
  get isOpen(): boolean {
    return this.#writer !== undefined;
  }

  async flushed(): Promise<void> {
    await this.#writer?.flushed();
  }

  /** The id by which clients know the graph's own run. */
  get root(): string | undefined {
    return this.#plan.handedOver?.root ?? this.#root;
  }

  add(made: GraphEvent): void {
    const event = this.#known(made);
    if (!event) return;
    if (!this.#writer) {
      this.#frames.missed(event);
      return;
    }
    const json = this.#frames.of(event);
    if (json !== undefined) this.#writer.add([{ json, provenance: provenanceOf(event, [event.event]) }]);
  }

  /** The graph's own run keeps its id when another process goes on with it. Its start was reported before. */
  #known(event: GraphEvent): GraphEvent | undefined {
    const before = this.#plan.handedOver?.root;
    const begins = this.#root === undefined && event.event === "on_chain_start" && namespace(event) === "";
    if (begins) this.#root = event.run_id;
    if (before === undefined || event.run_id !== this.#root) return event;
    return begins ? undefined : { ...event, run_id: before };
  }

  async close(end: RunEnd): Promise<void> {
    this.#writer?.add([{ json: JSON.stringify(lastFrame(end)), provenance: undefined }]);
    await this.#writer?.flushed();
  }

  /** From now on, readers begin no earlier than the next entry. */
  async cutOff(): Promise<void> {
    await this.#writer?.flushed();
    if (this.#writer?.cursor) await this.#log.cutOff(graphTopic(this.#plan.threadId), this.#writer.cursor);
  }
}

function lastFrame(end: RunEnd): object {
  if (end.kind === "failed") return { event: "error", ...end.error.toJSON() };
  const { kind: outcome, ...more } = end; // The interrupts, and whether it is incomplete.
  return { event: "done", outcome, ...more };
}

function entryOf({ json, provenance }: Frame, runId: string): NewEntry {
  return { json, type: provenance ? "GRAPH" : "GRAPH_END", runId, span: undefined, edge: "point", provenance };
}
