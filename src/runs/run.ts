/** One run, from its `RUN_STARTED` to its terminal event: the pump between the graph and the log. */
import { type GraphRun, openRun } from "../graph/source.ts";
import type { EventLog, NewEntry } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, isTerminal, type Message, spanPosition } from "../protocol/events.ts";
import { type GraphEvent, type GraphEventName, nodePath } from "../protocol/graph-event.ts";
import { graphTopic, threadTopic } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Tombstone } from "../store/tombstones.ts";
import { Transcript } from "../store/transcript.ts";
import { toInterrupt } from "../translate/interrupts.ts";
import { createTranslator } from "../translate/run-translator.ts";
import { isNode } from "../translate/steps.ts";
import type { Progress } from "../translate/token-count.ts";
import type { RunEnd, Translator } from "../translate/translator.ts";
import { currentRun } from "./current-run.ts";
import { Deadlines } from "./deadlines.ts";
import { type GraphTold, graphEntry, merge, stamped, type Told } from "./entries.ts";
import { GraphFrames } from "./graph-frames.ts";
import { ProgressReports } from "./progress.ts";
import { OF_ANY_MODEL, provenanceOf, sharedProvenance } from "./provenance.ts";
import { broken, ending, graphEnd, plainEnd, stopped } from "./run-end.ts";
import { type RunOutcome, type RunPlan, type RunThread, requestOf } from "./run-plan.ts";
import { TopicWriter } from "./topic-writer.ts";
import { Unanswered } from "./unanswered.ts";

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
  readonly #thread: RunThread;
  readonly #unanswered: Unanswered;
  #ended = false;
  #over = false;

  constructor(plan: RunPlan, log: EventLog, thread: RunThread) {
    this.plan = plan;
    this.#thread = thread;
    this.#unanswered = new Unanswered(plan);
    const { reasoningTags, nodes, stateKeys, graphFields: fields } = plan.agent;
    const frontendTools = new Set(plan.offered.tools.map((tool) => tool.name));
    this.#translator = createTranslator({ ...plan, reasoningTags, nodes, stateKeys, frontendTools });
    this.#frames = new GraphFrames({ ...plan, reasoningTags, nodes, fields });
    this.#transcript = new Transcript(plan.history);
    this.#log = log;
    const { fence, threadId } = plan;
    const appended = ({ event, correction }: Told) => {
      this.#over ||= isTerminal(event.type);
      if (correction) {
        this.#cutOff(1).catch(this.#failed);
        return;
      }
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
      toEntry: (told) => this.#toEntry(told),
      merge,
      apart: ({ correction }) => correction !== undefined,
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
      graphRun = openRun(agent.graph, requestOf(this.plan, this.#failed), this.#abort.signal, { version });
      await graphRun.read((event) => {
        deadlines.saw(event);
        this.#pump(event);
        // Who takes the run over goes on behind this node, and what it said will not be said again.
        if (event.event === "on_chain_end" && isNode(event) && nodePath(event).length === 1) this.#keepTold();
      });
      end = this.#unanswered.ended(ending(graphRun.interrupts.map(toInterrupt), graphRun.cutAnswer));
    } catch (thrown) {
      cause = thrown;
      end = this.#abort.signal.aborted ? stopped(this.#abort.signal.reason) : broken(thrown, graphRun);
    } finally {
      deadlines.stop();
    }
    this.#ended = true;
    this.#progress?.end();
    const closers = this.#translator.finish(end);
    const terminal = closers.splice(-1);
    const correction = this.#translator.correction();
    await this.#agui.flushed();
    const whole = new Transcript(this.#transcript.messages);
    for (const event of closers) whole.push(event);
    if (correction) whole.correct(correction);
    const { messages, state = this.#transcript.state } = whole;
    const removed = [...this.#transcript.removed, ...whole.removed];
    const corrected: AguiEvent[] = correction ? [this.#snapshotOf(messages, removed)] : [];
    const failed = end.kind === "failed" ? { cause: cause ?? end.error } : {};
    const closing = [...closers, ...corrected, ...terminal];
    return { end, closing, messages, removed, drafts: this.#translator.drafts, state, ...failed };
  }

  /** Puts the closers and the terminal event into the log. The last thing a run does. */
  async finish({ end, closing }: RunOutcome): Promise<void> {
    this.#tell(closing, undefined);
    this.#graph?.add({ json: JSON.stringify(graphEnd(end)), provenance: undefined });
    await Promise.all([this.#agui.flushed(), this.#graph?.flushed()]);
    const snapshot = closing.findIndex(({ type }) => type === EventType.MESSAGES_SNAPSHOT);
    if (snapshot >= 0) await this.#cutOff(closing.length - snapshot);
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
    const keep = () => this.#ended || this.#thread.keep(this.#transcript.closed, this.#transcript.removed);
    this.#agui.flushed().then(keep, this.#failed);
  }

  #pump(event: GraphEvent): void {
    if (event.silent) return;
    if (event.state) {
      this.#tell(this.#translator.state(event.state), undefined); // Exposing a key is its admission.
      return;
    }
    if (event.failed) {
      this.#tell(this.#translator.failed(event), event);
      return;
    }
    const { allowList } = this.plan;
    if (!allowList.admits(event)) {
      this.refused.set(event.event, (this.refused.get(event.event) ?? 0) + 1);
      // What closes has its provenance too: a connection that narrowed the event away wants nothing that it says.
      this.#tell(this.#translator.refused(event, allowList.admitsPlace(event)), event);
      this.#correct();
      this.#progress?.refused(event);
      return;
    }
    if (this.#graph) {
      const json = this.#frames.of(event);
      if (json !== undefined) this.#graph.add({ json, provenance: provenanceOf(event, [event.event]) });
    } else this.#frames.missed(event);
    this.#tell(this.#translator.push(event), event);
    this.#correct();
    this.#progress?.saw(event);
  }

  /** Sends what holds now, where something was taken back and clients can take that. */
  #correct(): void {
    const correction = this.#translator.correction();
    if (!correction) return;
    this.#agui.add({ event: { type: EventType.MESSAGES_SNAPSHOT, messages: [] }, provenance: undefined, correction });
  }

  #snapshotOf(messages: readonly Message[], removed: readonly Tombstone[]): AguiEvent {
    const waiting = this.#thread.waiting(messages, removed);
    return stamped({ type: EventType.MESSAGES_SNAPSHOT, messages: [...messages, ...waiting] });
  }

  /** Nobody begins before the last `kept` entries any more: what was taken back would be sent again. */
  async #cutOff(kept: number): Promise<void> {
    const { cursor: at } = this.#agui;
    if (at) await this.#log.cutOff(threadTopic(this.plan.threadId), { ...at, offset: at.offset - kept });
    await this.#graph?.flushed();
    if (this.#graph?.cursor) await this.#log.cutOff(graphTopic(this.plan.threadId), this.#graph.cursor);
  }

  readonly #tellProgress = (value: Progress): void => {
    const event = stamped({ type: EventType.CUSTOM, name: "sluice.progress", value });
    this.#agui.add({ event, provenance: OF_ANY_MODEL });
  };

  #tell(events: readonly AguiEvent[], cause: GraphEvent | undefined): void {
    if (events.length === 0) return;
    this.#unanswered.sent(events);
    const provenance = cause && this.#provenanceOf(cause);
    for (const event of events) this.#agui.add({ event: stamped(event), provenance });
  }

  #toEntry({ event: made, provenance, correction }: Told): NewEntry {
    const { runId } = this.plan;
    // All that was sent before it is in the transcript by now: it is written by itself.
    if (correction) this.#transcript.correct(correction);
    const event = correction ? this.#snapshotOf(this.#transcript.messages, this.#transcript.removed) : made;
    return { json: JSON.stringify(event), type: event.type, runId, provenance, ...spanPosition(event) };
  }
}
