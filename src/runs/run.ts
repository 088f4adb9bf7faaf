/** One run, from its `RUN_STARTED` to its terminal event: the pump between the graph and the log. */
import { isStoppedBetweenSteps } from "../graph/between-steps.ts";
import { type GraphRun, openRun } from "../graph/source.ts";
import type { EventLog } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import { type GraphEvent, isNode, isOfRoot } from "../protocol/graph-event.ts";
import type { KeptState } from "../protocol/injected.ts";
import type { StoredStep } from "../store/checkpointer.ts";
import type { Progress } from "../translate/token-count.ts";
import type { RunEnd, Translator } from "../translate/translator.ts";
import { askedAgain } from "./answering.ts";
import { currentRun } from "./current-run.ts";
import { Deadlines } from "./deadlines.ts";
import { GraphTopic } from "./graph-topic.ts";
import { type AtRest, type Between, beside, ownFromAfter } from "./handover.ts";
import { Injections } from "./injections.ts";
import { Keeping } from "./keeping.ts";
import { Parting } from "./parting.ts";
import { ProgressReports } from "./progress.ts";
import { OF_ANY_MODEL, sharedProvenance } from "./provenance.ts";
import { broken, ending, plainEnd, type RunOutcome, stopped } from "./run-end.ts";
import { RunFigures } from "./run-figures.ts";
import { type Kept, type RunPlan, type RunThread, requestOf, translatorFor } from "./run-plan.ts";
import { SentPlaces } from "./sent-places.ts";
import type { Used } from "./so-far.ts";
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
  readonly #keeping: Keeping;
  readonly #provenanceOf = sharedProvenance();
  readonly #unanswered: Unanswered;
  readonly #injections: Injections;
  readonly #parting: Parting;
  readonly #places: SentPlaces;
  #graphRun: GraphRun | undefined;
  #atRest: AtRest | undefined;
  #progress: ProgressReports | undefined;
  #ended = false;

  constructor(plan: RunPlan, log: EventLog, { keep, waiting, injected, shared }: RunThread) {
    this.plan = plan;
    this.#parting = new Parting(plan.threadId, plan.used.firstStep);
    this.#places = new SentPlaces(plan);
    this.figures = new RunFigures(plan.counts, plan.handedOver?.figures);
    this.#keeping = new Keeping(plan.threadId, async () => {
      await this.#topic.flushed().catch(this.#failed);
      if (!this.#ended) await keep(...this.kept);
    });
    this.#unanswered = new Unanswered(plan);
    this.#translator = translatorFor(plan);
    this.#graph = new GraphTopic(plan, log, this.#failed);
    const corrected = () => this.#graph.cutOff();
    this.#topic = new ThreadTopic(plan, { log, waiting, corrected, shared, failed: this.#failed });
    const send = (events: readonly AguiEvent[]) => this.#send(events, undefined);
    this.#injections = new Injections({ plan, kept: injected, shared, translator: this.#translator, send });
  }

  /** Puts `RUN_STARTED` into the log, unless the previous process has done so. */
  async begin(): Promise<void> {
    const { fresh, resent, handedOver } = this.plan;
    if (handedOver) return this.#topic.goOn();
    this.#topic.add(this.#translator.start(fresh, resent));
    await this.#topic.flushed();
    // A run that cannot begin has no end to report. Once its `RUN_STARTED` is in the log, a run has an end to report,
    // even if it is cancelled at once.
    if (!this.begun) throw this.#abort.signal.reason;
  }

  /** Drives the graph to its end. `undefined`: it stopped between two steps, as `leave` asked. Never rejects. */
  async drive(): Promise<RunOutcome | undefined> {
    const { agent, threadId, runId, fence } = this.plan;
    try {
      const { storing } = this.#keeping;
      const { opened } = this.#places;
      const current = { agent: agent.name, threadId, runId, fence, opened, storing, stored: this.#stored };
      return await currentRun.run(current, () => this.#drive());
    } catch (thrown) {
      this.#ended = true;
      return plainEnd(thrown, this.#topic.transcript, this.#translator.callIds);
    }
  }

  /** Stops between two steps of the graph, if another process that can go on with the run lives by then. */
  leave(hasSuccessor: () => Promise<boolean>): void {
    this.#parting.ask(hasSuccessor);
  }

  /**
   * The input for another process to go on with the run, once the graph has stopped between two steps. Nothing is written
   * any more. `undefined`: something is open, so that the run cannot go on from here in the same epoch.
   */
  async between(): Promise<Between | undefined> {
    const waiting = await this.#injections.leave();
    this.#send(this.#translator.rest(), undefined);
    await Promise.all([this.#topic.flushed(), this.#graph.flushed()]);
    const { carried, drafts } = this.#translator;
    if (!carried || !this.#atRest || this.#topic.transcript.reopen().length > 0) return undefined;
    const translation = beside(this.messages, carried);
    const ownFrom = ownFromAfter(this.plan);
    const { root } = this.#graph;
    const knowledge = { ...this.#atRest, root, ownFrom, waiting, figures: this.figures.soFar, translation };
    return { drafts, graphTopic: this.#graph.isOpen, used: this.#used, knowledge };
  }

  /** Resolves when no write of the transcript is under way. Never rejects. */
  written(): Promise<void> {
    return this.#keeping.over();
  }

  /** The end of a run that was asked to end after its graph had stopped between two steps. */
  endAfterAll(): Promise<RunOutcome> {
    return this.#close({ end: stopped(this.#abort.signal.reason) });
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

  /** The reason why it was asked to end, if it was. */
  get stopReason(): SluiceError["code"] | undefined {
    const { aborted, reason } = this.#abort.signal;
    return aborted ? SluiceError.from(reason).code : undefined;
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

  /** The transcript so far, for the store. */
  get kept(): Kept {
    const { closed, removed } = this.#topic.transcript;
    const { callIds } = this.#translator;
    return [closed, { removed, callIds, soFar: { used: this.#used, ...this.#places.soFar } }];
  }

  readonly #stored = (step: StoredStep): Promise<void> => {
    this.#places.stored(step);
    return this.#parting.stored(step);
  };

  get #used(): Used {
    return { output: (this.#graphRun ?? this.plan.used).output, firstStep: this.#parting.firstStep };
  }

  async #drive(): Promise<RunOutcome | undefined> {
    const read = await this.#readGraph();
    this.#ended = true;
    if (read) return this.#close(read);
    this.#progress?.stop();
    return undefined;
  }

  async #close({ end, cause }: { readonly end: RunEnd; readonly cause?: unknown }): Promise<RunOutcome> {
    this.#progress?.end();
    const returned = await this.#injections.close();
    const last = [...returned, ...this.#translator.finish(end)];
    const closed = await this.#topic.closed(last, this.#translator.correction());
    const { drafts, callIds } = this.#translator;
    const left = { drafts: { ...this.#places.again, ...drafts }, callIds };
    return { end, ...closed, ...left, ...(end.kind === "failed" ? { cause: cause ?? end.error } : {}) };
  }

  /** `undefined`: the graph stopped between two steps. */
  async #readGraph(): Promise<{ readonly end: RunEnd; readonly cause?: unknown } | undefined> {
    const { agent, answered, version, progressMs, resent, handedOver } = this.plan;
    const deadlines = new Deadlines(agent.deadlines, (error) => this.#abort.abort(error), handedOver?.spent);
    if (progressMs !== undefined) this.#progress = new ProgressReports(progressMs, this.#reportProgress, handedOver);
    try {
      if (resent || handedOver) await this.#injections.recall();
      const { take: takeInjected } = this.#injections;
      const request = { ...requestOf(this.plan, this.#failed), takeInjected, control: this.#parting.control };
      const how = { version, source: agent.source, traceContent: agent.traceContent };
      const graphRun = openRun(agent.graph, request, this.#abort.signal, how);
      this.#graphRun = graphRun;
      await graphRun.read((event) => {
        deadlines.saw(event);
        if (event.event === "on_chain_start" && isOfRoot(event)) this.#nodeBegins();
        this.#pump(event);
        if (event.event === "on_chain_end" && !event.failed && isNode(event)) this.#keeping.nodeEnded(isOfRoot(event));
      });
      const interrupts = graphRun.interrupts.map((asked) => askedAgain(this.#translator.interrupt(asked), answered));
      return { end: this.#unanswered.ended(ending(interrupts, graphRun.cutAnswer)) };
    } catch (cause) {
      const { aborted, reason } = this.#abort.signal;
      if (!aborted && isStoppedBetweenSteps(cause)) return undefined;
      return { end: aborted ? stopped(reason) : broken(cause, this.#graphRun), cause };
    } finally {
      deadlines.stop();
      this.#atRest = { spent: deadlines.spent, counted: this.#progress?.counted };
    }
  }

  /** A node of the graph itself begins. */
  #nodeBegins(): void {
    this.#parting.began();
    const removed = this.#places.began();
    if (removed.length > 0) this.#topic.correct({ removed, replaced: [] });
    if (removed.length > 0) this.#keeping.takenBack();
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
    this.#places.sent(events, cause);
    this.figures.sent(events);
    this.#topic.add(events, cause && this.#provenanceOf(cause));
  }
}
