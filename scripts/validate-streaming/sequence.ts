/** Is this a legal AG-UI sequence? A state machine of its own, so that no error of the server's code is repeated here. */
import { type AGUIEvent, EventType } from "@ag-ui/core";
import { EventSchemas } from "@ag-ui/core/schemas";

/** What a kind of span is opened, continued and closed by, and which field names it. */
interface Grammar {
  readonly kind: string;
  readonly open: EventType;
  readonly inside?: EventType;
  readonly close: EventType;
  readonly key: string;
}

const SPANS: readonly Grammar[] = [
  {
    kind: "text message",
    open: EventType.TEXT_MESSAGE_START,
    inside: EventType.TEXT_MESSAGE_CONTENT,
    close: EventType.TEXT_MESSAGE_END,
    key: "messageId",
  },
  {
    kind: "tool call",
    open: EventType.TOOL_CALL_START,
    inside: EventType.TOOL_CALL_ARGS,
    close: EventType.TOOL_CALL_END,
    key: "toolCallId",
  },
  { kind: "reasoning", open: EventType.REASONING_START, close: EventType.REASONING_END, key: "messageId" },
  {
    kind: "reasoning message",
    open: EventType.REASONING_MESSAGE_START,
    inside: EventType.REASONING_MESSAGE_CONTENT,
    close: EventType.REASONING_MESSAGE_END,
    key: "messageId",
  },
  { kind: "step", open: EventType.STEP_STARTED, close: EventType.STEP_FINISHED, key: "stepName" },
];

export class Sequence {
  /** What is wrong, in the order it was found; empty for a legal sequence. */
  readonly problems: string[] = [];
  readonly #open = new Set<string>();
  #count = 0;
  #runId: string | undefined;
  #terminal: AGUIEvent | undefined;

  /** The event that ended the run, once it came. */
  get terminal(): AGUIEvent | undefined {
    return this.#terminal;
  }

  /** Takes the next event. Gives it back when it has an AG-UI event's shape. */
  push(json: string): AGUIEvent | undefined {
    this.#count += 1;
    const event = this.#parse(json);
    if (!event) return undefined;
    if (this.#terminal) this.#problem(`${event.type} after the terminal event ${this.#terminal.type}`);
    else this.#judge(event);
    return event;
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#terminal) return;
    this.problems.push(
      this.#count === 0 ? "no event came" : "the sequence ends without RUN_FINISHED or RUN_ERROR: its end is missing",
    );
  }

  #parse(json: string): AGUIEvent | undefined {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      this.#problem(`not JSON: ${json.slice(0, 80)}`);
      return undefined;
    }
    const parsed = EventSchemas.safeParse(value);
    if (parsed.success) return parsed.data as AGUIEvent;
    const issue = parsed.error.issues[0];
    this.#problem(`no AG-UI event (${issue?.path.join(".") || "type"}: ${issue?.message}): ${json.slice(0, 80)}`);
    return undefined;
  }

  #judge(event: AGUIEvent): void {
    if (event.type === EventType.RUN_STARTED) {
      if (this.#runId !== undefined) this.#problem("RUN_STARTED while a run is open");
      this.#runId = event.runId;
      return;
    }
    // A run that could not start is told by its error alone.
    if (event.type === EventType.RUN_ERROR) {
      this.#terminal = event;
      return;
    }
    if (this.#runId === undefined) {
      this.#problem(`${event.type} before RUN_STARTED`);
      this.#runId = "";
    }
    if (event.type === EventType.RUN_FINISHED) this.#finish(event);
    else this.#span(event);
  }

  #finish(event: AGUIEvent & { type: EventType.RUN_FINISHED }): void {
    this.#terminal = event;
    if (this.#runId && event.runId !== this.#runId) {
      this.#problem(`RUN_FINISHED of run ${event.runId}, but run ${this.#runId} was started`);
    }
    if (this.#open.size > 0) this.#problem(`RUN_FINISHED while open: ${[...this.#open].join(", ")}`);
  }

  #span(event: AGUIEvent): void {
    const grammar = SPANS.find(({ open, inside, close }) => [open, inside, close].includes(event.type));
    if (!grammar) return;
    const span = `${grammar.kind} ${String((event as unknown as Record<string, unknown>)[grammar.key])}`;
    if (event.type === grammar.open) {
      if (this.#open.has(span)) this.#problem(`${event.type}: ${span} is open already`);
      this.#open.add(span);
      return;
    }
    if (!this.#open.has(span)) this.#problem(`${event.type}: ${span} is not open`);
    if (event.type === grammar.close) this.#open.delete(span);
  }

  #problem(what: string): void {
    this.problems.push(`event ${this.#count}: ${what}`);
  }
}
