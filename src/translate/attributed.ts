/** A run's events with their subagents: which one an event is of, and when each begins and ends. */
import type { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, type Interrupt } from "../protocol/events.ts";
import { type GraphEvent, isInside, type Subagent } from "../protocol/graph-event.ts";
import type { Carried } from "./carried.ts";
import { Executions } from "./executions.ts";
import type { Asked } from "./interrupts.ts";
import type { RunEnd, Translator } from "./translator.ts";

/** The end of a subagent that did not succeed. A list has the questions that are open. */
type Trouble = readonly Interrupt[] | Pick<SluiceError, "code" | "message"> | { readonly message: string };

const FAILED: Trouble = { message: "The subagent failed." };
const CANCELLED: Trouble = { code: "cancelled", message: "The run was cancelled." };

/** Events that create what they are about: it belongs to the subagent that they come from. */
const CREATES: ReadonlySet<EventType> = new Set([
  EventType.TEXT_MESSAGE_START,
  EventType.REASONING_START,
  EventType.TOOL_CALL_START,
  EventType.STEP_STARTED,
  EventType.ACTIVITY_SNAPSHOT,
]);

/** The events of a whole run, and of its state. They are of no subagent. */
const OF_THE_RUN = [
  EventType.RUN_STARTED,
  EventType.RUN_FINISHED,
  EventType.RUN_ERROR,
  EventType.MESSAGES_SNAPSHOT,
  EventType.STATE_SNAPSHOT,
  EventType.STATE_DELTA,
] as const;

type OfTheRun = Extract<AguiEvent, { type: (typeof OF_THE_RUN)[number] }>;

/**
 * Notes the owner of each message, call and step at its beginning. `callOf`: the id of the call that a tool's run
 * carries out.
 */
export class Attributed implements Translator {
  readonly #inner: Translator;
  readonly #callOf: (toolRunId: string) => string | undefined;
  readonly #executions = new Executions();
  /** In the order that they began. */
  readonly #open = new Map<string, Subagent>();
  /** The subagents of messages, calls and steps; `undefined` for the served graph itself. */
  readonly #owners = new Map<string, string | undefined>();

  /** The subagents around each subagent that asks, itself included. */
  readonly #asking = new Map<string, readonly string[]>();

  constructor(inner: Translator, callOf: (toolRunId: string) => string | undefined, owners: Carried["owners"] = {}) {
    this.#inner = inner;
    this.#callOf = callOf;
    for (const [key, owner] of Object.entries(owners)) this.#owners.set(key, owner ?? undefined);
  }

  start: Translator["start"] = (fresh, forked) => this.#inner.start(fresh, forked);
  expect: Translator["expect"] = (id) => this.#inner.expect(id);
  taken: Translator["taken"] = (message) => this.#inner.taken(message);
  state: Translator["state"] = (values) => this.#inner.state(values);
  correction: Translator["correction"] = () => this.#inner.correction();

  get drafts(): Translator["drafts"] {
    return this.#inner.drafts;
  }

  get callIds(): Translator["callIds"] {
    return this.#inner.callIds;
  }

  rest(): AguiEvent[] {
    const steps = this.#inner.rest().map((event) => this.#tagged(event, undefined));
    return ending(
      steps,
      this.#close(() => true),
    );
  }

  get carried(): Translator["carried"] {
    const { carried } = this.#inner;
    return (
      carried && {
        ...carried,
        owners: Object.fromEntries([...this.#owners].map(([key, owner]) => [key, owner ?? null])),
      }
    );
  }

  push(event: GraphEvent): AguiEvent[] {
    return this.#attributed(event, this.#inner.push(event));
  }

  refused(event: GraphEvent, placeAdmitted: boolean): AguiEvent[] {
    return this.#attributed(event, this.#inner.refused(event, placeAdmitted));
  }

  failed(event: GraphEvent): AguiEvent[] {
    return this.#attributed(event, this.#inner.failed(event));
  }

  /** A subagent that was never reported is not named. */
  interrupt(asked: Asked): Interrupt {
    const interrupt = this.#inner.interrupt(asked);
    const around = this.#executions.subagentsAt(asked.place ?? "").map(({ id }) => id);
    const subagentRunId = around.at(-1);
    if (subagentRunId === undefined || !this.#open.has(subagentRunId)) return interrupt;
    this.#asking.set(subagentRunId, around);
    return { ...interrupt, subagentRunId };
  }

  finish(end: RunEnd): AguiEvent[] {
    const events = this.#inner.finish(end).map((event) => this.#tagged(event, undefined));
    const trouble =
      end.kind === "interrupted"
        ? end.interrupts
        : end.kind === "cancelled"
          ? CANCELLED
          : end.kind === "failed"
            ? end.error
            : undefined;
    return [...events.slice(0, -1), ...this.#close(() => true, trouble), ...events.slice(-1)];
  }

  #attributed(event: GraphEvent, events: readonly AguiEvent[]): AguiEvent[] {
    const ended = this.#ended(event);
    const tagged = events.map((one) => this.#tagged(one, event.subagents?.at(-1)?.id));
    if (event.subagents === undefined && ended.length === 0) return tagged;
    const begun = tagged.length > 0 ? this.#begin(event.subagents ?? []) : [];
    return [...begun, ...ending(tagged, ended)];
  }

  /** Subagents that were not seen yet. One that sends nothing is not shown. */
  #begin(path: readonly Subagent[]): AguiEvent[] {
    return path.flatMap((subagent, index) => {
      const { id: subagentRunId, name, toolRunId } = subagent;
      if (this.#owners.has(`subagent:${subagentRunId}`)) return [];
      this.#owners.set(`subagent:${subagentRunId}`, undefined);
      this.#open.set(subagentRunId, subagent);
      const parent = path[index - 1]?.id;
      const call = toolRunId === undefined ? undefined : this.#callOf(toolRunId);
      return [
        {
          type: EventType.SUBAGENT_STARTED as const,
          subagentRunId,
          name,
          ...(parent === undefined ? {} : { parentSubagentRunId: parent }),
          ...(call === undefined ? {} : { parentToolCallId: call }),
        },
      ];
    });
  }

  /** The ends of the subagents that a graph event ends. */
  #ended(event: GraphEvent): AguiEvent[] {
    const { event: name, run_id: runId } = event;
    const over = this.#executions.push(event);
    if (this.#open.size === 0) return [];
    const failed = over.filter((one) => one.failed);
    const hasFailed = ({ id, place }: Subagent) =>
      failed.some((one) => one.place === place || one.subagents.at(-1)?.id === id);
    const broken = failed.length > 0 ? this.#close(hasFailed, FAILED) : [];
    if (name === "on_tool_end") return [...broken, ...this.#close(({ toolRunId }) => toolRunId === runId)];
    if (name === "on_tool_error") return [...broken, ...this.#close(({ toolRunId }) => toolRunId === runId, FAILED)];
    if (over.length === 0) return broken;
    return [...broken, ...this.#close((subagent) => over.some(({ place }) => place === subagent.place))];
  }

  /** Closes subagents, innermost first, with all that they have called. */
  #close(wanted: (one: Subagent) => boolean, trouble?: Trouble): AguiEvent[] {
    const found = [...this.#open.values()].filter(wanted).reverse();
    return found.flatMap((one) => {
      if (!this.#open.delete(one.id)) return [];
      const inner = this.#close(({ place }) => isInside(place, one.place) && place !== one.place, trouble);
      return [...inner, endOf(one.id, trouble && isQuestions(trouble) ? this.#waitsFor(one.id, trouble) : trouble)];
    });
  }

  /** The questions that a subagent waits for: its own, and those of the subagents that it has called. */
  #waitsFor(id: string, open: readonly Interrupt[]): readonly Interrupt[] {
    return open.filter(({ subagentRunId = "" }) => this.#asking.get(subagentRunId)?.includes(id));
  }

  #tagged(event: AguiEvent, here: string | undefined): AguiEvent {
    if (isOfTheRun(event)) return event;
    const key = keyOf(event);
    if (key !== undefined && (CREATES.has(event.type) || !this.#owners.has(key))) {
      this.#owners.set(key, this.#ownerOf(event, here));
    }
    const owner = key === undefined ? here : this.#owners.get(key);
    return owner === undefined ? event : { ...event, subagentRunId: owner };
  }

  /** A call belongs to the message that makes it. */
  #ownerOf(event: AguiEvent, here: string | undefined): string | undefined {
    if (event.type !== EventType.TOOL_CALL_START || event.parentMessageId === undefined) return here;
    const message = `message:${event.parentMessageId}`;
    if (!this.#owners.has(message)) this.#owners.set(message, here);
    return this.#owners.get(message);
  }
}

/** Events and the ends of subagents: a subagent's last words come before its end, and the result of its call after that. */
function ending(events: readonly AguiEvent[], ended: readonly AguiEvent[]): AguiEvent[] {
  const over = new Set(ended.map(ownerIn));
  const rest = ended.length === 0 ? 0 : events.findLastIndex((one) => over.has(ownerIn(one))) + 1;
  return [...events.slice(0, rest), ...ended, ...events.slice(rest)];
}

function isOfTheRun(event: AguiEvent): event is OfTheRun {
  return OF_THE_RUN.some((type) => type === event.type);
}

/** The subagent that an event is of. */
function ownerIn(event: AguiEvent): string | undefined {
  return isOfTheRun(event) ? undefined : event.subagentRunId;
}

function isQuestions(trouble: Trouble): trouble is readonly Interrupt[] {
  return Array.isArray(trouble);
}

function endOf(subagentRunId: string, trouble: Trouble | undefined): AguiEvent {
  if (trouble === undefined) return { type: EventType.SUBAGENT_FINISHED, subagentRunId };
  if (isQuestions(trouble)) {
    const interruptIds = trouble.map(({ id }) => id);
    const outcome = { type: "suspended" as const, ...(interruptIds.length > 0 ? { interruptIds } : {}) };
    return { type: EventType.SUBAGENT_FINISHED, subagentRunId, outcome };
  }
  const code = "code" in trouble ? { code: trouble.code } : {};
  return { type: EventType.SUBAGENT_ERROR, subagentRunId, message: trouble.message, ...code };
}

/** The thing that an event is about, where later events are about it too. */
function keyOf(event: AguiEvent): string | undefined {
  switch (event.type) {
    case EventType.STEP_STARTED:
    case EventType.STEP_FINISHED:
      return `step:${event.stepName}`;
    case EventType.REASONING_ENCRYPTED_VALUE:
      return `${event.subtype === "message" ? "message" : "call"}:${event.entityId}`;
    default:
      if ("toolCallId" in event) return `call:${event.toolCallId}`;
      return "messageId" in event ? `message:${event.messageId}` : undefined;
  }
}
