/** One run, from its `RUN_STARTED` to its terminal event: the pump between the graph and the log. */
import { type GraphInterrupt, type GraphRun, openRun } from "../graph/source.ts";
import type { EventLog } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, type Interrupt, type Message } from "../protocol/events.ts";
import { type GraphEvent, isNode, nodePath } from "../protocol/graph-event.ts";
import type { KeptState } from "../protocol/injected.ts";
import { createTranslator } from "../translate/create-translator.ts";
import type { Progress } from "../translate/token-count.ts";
import type { RunEnd, Translator } from "../translate/translator.ts";
import { askedAgain } from "./answering.ts";
import { currentRun } from "./current-run.ts";
import { Deadlines } from "./deadlines.ts";
import { GraphTopic } from "./graph-topic.ts";
import { Injections } from "./injections.ts";
import { ProgressReports } from "./progress.ts";
import { OF_ANY_MODEL, sharedProvenance } from "./provenance.ts";
import { broken, ending, plainEnd, type RunOutcome, stopped } from "./run-end.ts";
import { RunFigures } from "./run-figures.ts";
import { type RunPlan, type RunThread, requestOf } from "./run-plan.ts";
import { ThreadTopic } from "./thread-topic.ts";
import type { Snapshot } from "./threads.ts";
import { Unanswered } from "./unanswered.ts";

export class Run {
  readonly plan: RunPlan;
  readonly figures: RunFigures;
  readonly #abort = new AbortController();
  readonly #failed = (error: unknown) => this.#abort.abort(SluiceError.from(error));
  readonly #translator: Translator;
  readonly #topic: ThreadTopic;
  readonly #graph: GraphTopic;
  readonly #keep: RunThread["keep"];
  readonly #provenanceOf = sharedProvenance();
  readonly #unanswered: Unanswered;
  readonly #injections: Injections;
  #progress: ProgressReports | undefined;
  #ended = false;

  constructor(plan: RunPlan, log: EventLog, { keep, waiting, injected, shared }: RunThread) {
    this.plan = plan;
    this.figures = new RunFigures(plan.counts);
    this.#keep = keep;
    this.#unanswered = new Unanswered(plan);
    const { reasoningTags, nodes, stateKeys, subagents, maxEventBytes } = plan.agent;
    const frontendTools = new Set(plan.offered.tools.map((tool) => tool.name));
    this.#translator = createTranslator({
      ...plan,
      threadId: plan.threadName,
      reasoningTags,
      nodes,
      stateKeys,
      subagents,
      maxEventBytes,
      frontendTools,
    });
    this.#graph = new GraphTopic(plan, log, this.#failed);
    const corrected = () => this.#graph.cutOff();
    this.#topic = new ThreadTopic(plan, { log, waiting, corrected, shared, failed: this.#failed });
    const send = (events: readonly AguiEvent[]) => this.#send(events, undefined);
    this.#injections = new Injections({ plan, kept: injected, shared, translator: this.#translator, send });
  }

  /** Puts `RUN_STARTED` into the log. */
  async begin(): Promise<void> {
    const { fresh, resent } = this.plan;
    this.#topic.add(this.#translator.start(fresh, resent));
    await this.#topic.flushed();
    // A run that cannot begin has no end to report. Once its `RUN_STARTED` is in the log, a run has an end to report,
    // even if it is cancelled at once.
    if (!this.begun) throw this.#abort.signal.reason;
  }

  /** Drives the graph to its end. Never rejects. */
  async drive(): Promise<RunOutcome> {
    const { agent, threadId, runId, fence } = this.plan;
    try {
      return await currentRun.run({ agent: agent.name, threadId, runId, fence }, () => this.#drive());
    } catch (thrown) {
      this.#ended = true;
      return plainEnd(thrown, this.#topic.transcript, this.#translator.callIds);
    }
  }

  /** Puts the closers and the terminal event into the log. The last thing a run does. */
  async finish({ end, closing }: RunOutcome): Promise<void> {
    this.figures.sent(closing);
    await Promise.all([this.#topic.close(closing), this.#graph.close(end)]);
  }

  /** Reads messages for this run that other processes received. */
  recallInjected(): Promise<void> {
    return this.#injections.recall();
  }

  /** Sends a message into the run. Throws what `Injections.add` throws. */
  inject(message: Message): Promise<KeptState> {
    return this.#injections.add(message);
  }

  /** Ends the run as soon as possible. Without an error the run is cancelled; with an error it fails. */
  stop(error?: SluiceError): void {
    this.#abort.abort(error ?? new SluiceError("cancelled"));
  }

  /** Writes the graph topic from here on. `false` when it is written already. */
  writeGraph(): boolean {
    return this.#graph.open();
  }

  /** The graph has ended, or was asked to stop; what remains is writing the end. */
  get ended(): boolean {
    return this.#ended || this.#abort.signal.aborted;
  }

  /** Its `RUN_STARTED` is in the log. */
  get begun(): boolean {
    return this.#topic.begun;
  }

  /** Its terminal event is in the log. */
  get over(): boolean {
    return this.#topic.over;
  }

  /** The thread's transcript so far, open messages included. */
  get messages(): Message[] {
    return this.#topic.transcript.messages;
  }

  /** The messages so far, in step with the log: closed messages, open spans, and the log's position. */
  get snapshot(): Pick<Snapshot, "messages" | "state" | "open" | "cursor"> {
    const { transcript, cursor } = this.#topic;
    const open = [...transcript.injected, ...transcript.reopen()];
    return { messages: transcript.closed, state: transcript.state, open, cursor };
  }

  async #drive(): Promise<RunOutcome> {
    const { end, cause } = await this.#readGraph();
    this.#ended = true;
    this.#progress?.end();
    const returned = await this.#injections.close();
    const last = [...returned, ...this.#translator.finish(end)];
    const closed = await this.#topic.closed(last, this.#translator.correction());
    const { drafts, callIds } = this.#translator;
    return { end, ...closed, drafts, callIds, ...(end.kind === "failed" ? { cause: cause ?? end.error } : {}) };
  }

  async #readGraph(): Promise<{ readonly end: RunEnd; readonly cause?: unknown }> {
    const { agent, version, progressMs } = this.plan;
    const deadlines = new Deadlines(agent.deadlines, (error) => this.#abort.abort(error));
    if (progressMs !== undefined) this.#progress = new ProgressReports(progressMs, this.#reportProgress);
    let graphRun: GraphRun | undefined;
    try {
      if (this.plan.resent) await this.#injections.recall();
      const request = { ...requestOf(this.plan, this.#failed), takeInjected: this.#injections.take };
      graphRun = openRun(agent.graph, request, this.#abort.signal, {
        version,
        source: agent.source,
        traceContent: agent.traceContent,
      });
      await graphRun.read((event) => {
        deadlines.saw(event);
        this.#pump(event);
        // A process that takes over the run continues after this node, so this node's messages will not be sent again.
        if (event.event === "on_chain_end" && isNode(event) && nodePath(event).length === 1) this.#keepSoFar();
      });
      const interrupts = graphRun.interrupts.map((asked) => this.#interrupt(asked));
      return { end: this.#unanswered.ended(ending(interrupts, graphRun.cutAnswer)) };
    } catch (cause) {
      const { aborted, reason } = this.#abort.signal;
      return { end: aborted ? stopped(reason) : broken(cause, graphRun), cause };
    } finally {
      deadlines.stop();
    }
  }

  #interrupt(asked: GraphInterrupt): Interrupt {
    return askedAgain(this.#translator.interrupt(asked), this.plan.answered);
  }

  #keepSoFar(): void {
    const keep = () => {
      const { closed, removed } = this.#topic.transcript;
      if (!this.#ended) this.#keep(closed, removed, this.#translator.callIds);
    };
    this.#topic.flushed().then(keep, this.#failed);
  }

  #pump(event: GraphEvent): void {
    const { allowList } = this.plan;
    if (event.silent) return;
    if (event.state) {
      this.#send(this.#translator.state(event.state), undefined); // An exposed key is admitted.
      return;
    }
    if (event.failed) {
      this.#send(this.#translator.failed(event), event);
      return;
    }
    if (!allowList.admits(event)) {
      this.figures.refuse(event.event);
      // Closers get the provenance of the refused event. So a connection that narrows this event away does not get the
      // closers.
      this.#send(this.#translator.refused(event, allowList.admitsPlace(event)), event);
      this.#correct();
      this.#progress?.refused(event);
      return;
    }
    this.figures.admitted(event.event);
    this.#graph.add(event);
    this.#send(this.#translator.push(event), event);
    this.#correct();
    this.#progress?.saw(event);
  }

  /** Sends the messages that are still valid, if some were taken back and clients can handle a snapshot now. */
  #correct(): void {
    const correction = this.#translator.correction();
    if (correction) this.#topic.correct(correction);
  }

  readonly #reportProgress = (value: Progress): void => {
    this.#topic.add([{ type: EventType.CUSTOM, name: "sluice.progress", value }], OF_ANY_MODEL);
  };

  #send(events: readonly AguiEvent[], cause: GraphEvent | undefined): void {
    if (events.length === 0) return;
    this.#unanswered.sent(events);
    this.figures.sent(events);
    this.#topic.add(events, cause && this.#provenanceOf(cause));
  }
}
