/** A run's events on their way to its thread's topic, and the transcript that keeps step with the log. */
import type { EventLog, NewEntry, Provenance } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { type AguiEvent, continues, EventType, isTerminal, mergeDeltas } from "../protocol/events.ts";
import { threadTopic } from "../protocol/ids.ts";
import { reportOf } from "../protocol/injected.ts";
import { inPieces, isLarge } from "../protocol/pieces.ts";
import { Transcript } from "../store/transcript.ts";
import type { Correction } from "../translate/sent-messages.ts";
import { entryOf, sharedPosition, stamped } from "./entries.ts";
import { PositionKeeper } from "./kept-position.ts";
import type { RunOutcome } from "./run-end.ts";
import type { RunPlan, RunThread } from "./run-plan.ts";
import { TopicWriter } from "./topic-writer.ts";

/** An event on its way to the log, with what caused it. */
interface Sent {
  readonly event: AguiEvent;
  readonly provenance: Provenance | undefined;
  /** The correction that a snapshot brings. Its messages are those of the transcript at the time it is written. */
  readonly correction?: Correction;
}

export interface ThreadTopicOptions {
  readonly log: EventLog;
  readonly waiting: RunThread["waiting"];
  /** Called when a correction is in the log. Earlier entries no longer hold. */
  readonly corrected: () => Promise<void>;
  /** Other processes read the log. */
  readonly shared: boolean;
  /** The log refused, or the transcript cannot be kept. */
  readonly failed: (error: unknown) => void;
}

export class ThreadTopic {
  readonly #plan: RunPlan;
  readonly #options: ThreadTopicOptions;
  readonly #transcript: Transcript;
  readonly #writer: TopicWriter<Sent>;
  readonly #positionOf = sharedPosition();
  /** Absent where no other process has readers. */
  readonly #keeper: PositionKeeper | undefined;
  #over = false;

  constructor(plan: RunPlan, options: ThreadTopicOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#transcript = transcriptOf(plan);
    if (options.shared) this.#keeper = new PositionKeeper(plan, options.log);
    this.#writer = new TopicWriter({
      log: options.log,
      topic: threadTopic(plan.threadId),
      fence: plan.fence,
      toEntry: (sent) => this.#toEntry(sent),
      merge: (a, b) => merge(a, b, plan.agent.maxEventBytes),
      continues: (a, b) => continues(a.event, b.event),
      coalesceMs: plan.coalesceMs,
      apart: ({ correction }) => correction !== undefined,
      appended: (sent, cursor) => {
        for (const each of sent) this.#appended(each);
        if (cursor) this.#keeper?.reached(cursor, this.#transcript);
      },
      failed: options.failed,
    });
  }

  /** Goes on with a topic that another process has written so far: with its claim, the position that was kept is gone. */
  goOn(): void {
    this.#keeper?.keep(this.cursor, this.#transcript);
  }

  add(events: readonly AguiEvent[], provenance?: Provenance): void {
    const pieces = inPieces(events, this.#plan.agent.maxEventBytes);
    // A client that gets any event of a subagent has to know the subagent, whichever events it has asked for.
    const originOf = ({ type }: AguiEvent) => (type.startsWith("SUBAGENT_") ? undefined : provenance);
    this.#writer.add(pieces.map((event) => ({ event: stamped(event), provenance: originOf(event) })));
  }

  /** Sends what holds now, after something was taken back or replaced. */
  correct(correction: Correction): void {
    const event: AguiEvent = { type: EventType.MESSAGES_SNAPSHOT, messages: [] };
    this.#writer.add([{ event, provenance: undefined, correction }]);
  }

  flushed(): Promise<void> {
    return this.#writer.flushed();
  }

  /** The outcome of the run with these last events, which are still to be written, and a last correction. */
  async closed(
    last: readonly AguiEvent[],
    correction: Correction | undefined,
  ): Promise<Pick<RunOutcome, "closing" | "messages" | "removed" | "state">> {
    await this.flushed();
    const whole = new Transcript(this.#transcript.messages);
    for (const event of last) whole.push(event);
    if (correction) whole.correct(correction);
    const { messages, state = this.#transcript.state } = whole;
    const removed = [...this.#transcript.removed, ...whole.removed];
    const corrected = correction ? [this.#snapshotOf(messages, removed)] : [];
    const closing = [...last.slice(0, -1).map(stamped), ...corrected, ...last.slice(-1).map(stamped)];
    return { closing, messages, removed, state };
  }

  /**
   * Writes closers and the terminal event unchanged. The run's end is stored already, and another process may write it
   * again.
   */
  async close(closing: readonly AguiEvent[]): Promise<void> {
    this.#writer.add(closing.map((event) => ({ event, provenance: undefined })));
    await this.flushed();
    const snapshot = closing.findIndex(({ type }) => type === EventType.MESSAGES_SNAPSHOT);
    if (snapshot >= 0) await this.#cutOff(closing.length - snapshot);
  }

  /** `RUN_STARTED` is in the log. */
  get begun(): boolean {
    return this.#writer.cursor !== undefined || this.#plan.handedOver !== undefined;
  }

  /** The terminal event is in the log. */
  get over(): boolean {
    return this.#over;
  }

  /** The position of the last event in the log. */
  get cursor(): Cursor {
    return this.#writer.cursor ?? this.#plan.from;
  }

  /** The messages so far. To be read only, in step with the log. */
  get transcript(): Pick<Transcript, "messages" | "closed" | "removed" | "state" | "injected" | "reopen"> {
    return this.#transcript;
  }

  #appended({ event, correction }: Sent): void {
    this.#over ||= isTerminal(event.type);
    if (correction || event.type.startsWith("STATE_")) this.#keeper?.mayShrink();
    if (correction) {
      this.#cutOff(1).catch(this.#options.failed);
      return;
    }
    try {
      this.#transcript.push(event);
    } catch (error) {
      // A transcript that cannot be kept ends the run, but its readers still get the end.
      this.#options.failed(error);
    }
  }

  /**
   * From now on, readers begin no earlier than the last `kept` entries. Otherwise they would get messages that were
   * taken back.
   */
  async #cutOff(kept: number): Promise<void> {
    const { log, corrected } = this.#options;
    const at = this.#writer.cursor;
    if (at) await log.cutOff(threadTopic(this.#plan.threadId), { ...at, offset: at.offset - kept });
    await corrected();
  }

  #snapshotOf(...[messages, removed]: Parameters<RunThread["waiting"]>): AguiEvent {
    const waiting = this.#options.waiting(messages, removed);
    return stamped({ type: EventType.MESSAGES_SNAPSHOT, messages: [...messages, ...waiting] });
  }

  #toEntry({ event: made, provenance, correction }: Sent): NewEntry {
    // A correction is written by itself, so everything sent before it is in the transcript by now.
    if (correction) this.#transcript.correct(correction);
    const event = correction ? this.#snapshotOf(this.#transcript.messages, this.#transcript.removed) : made;
    const entry = entryOf(event, this.#plan.runId, provenance, this.#positionOf(event));
    this.#keeper?.wrote(entry.json);
    return entry;
  }
}

/** The thread as its clients know it before the run's first entry here. */
function transcriptOf({ shown, handedOver }: RunPlan): Transcript {
  const transcript = new Transcript(shown);
  const { waiting = [], translation } = handedOver ?? {};
  const snapshot = translation?.state.sent;
  if (snapshot !== undefined) transcript.push({ type: EventType.STATE_SNAPSHOT, snapshot });
  for (const { id, content } of waiting) transcript.push(reportOf({ messageId: id, state: "waiting", content }));
  return transcript;
}

function merge(a: Sent, b: Sent, maxBytes: number): Sent | undefined {
  const event = mergeDeltas(a.event, b.event);
  return event && !isLarge(event, maxBytes) ? { event, provenance: a.provenance } : undefined;
}
