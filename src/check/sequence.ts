/** Checks that a sequence of AG-UI events is legal. It shares no code with the server, and so none of its errors. */
import { type AGUIEvent, EventType } from "@ag-ui/core";
import { EventSchemas } from "@ag-ui/core/schemas";
import type { RequirementId } from "./requirements.ts";

/** The events that open, continue and close a kind of span, and the field that names it. */
interface Grammar {
  readonly kind: string;
  readonly open: EventType;
  readonly inside?: EventType;
  readonly close: readonly EventType[];
  readonly key: string;
}

const SPANS: readonly Grammar[] = [
  {
    kind: "text message",
    open: EventType.TEXT_MESSAGE_START,
    inside: EventType.TEXT_MESSAGE_CONTENT,
    close: [EventType.TEXT_MESSAGE_END],
    key: "messageId",
  },
  {
    kind: "tool call",
    open: EventType.TOOL_CALL_START,
    inside: EventType.TOOL_CALL_ARGS,
    close: [EventType.TOOL_CALL_END],
    key: "toolCallId",
  },
  { kind: "reasoning", open: EventType.REASONING_START, close: [EventType.REASONING_END], key: "messageId" },
  {
    kind: "reasoning message",
    open: EventType.REASONING_MESSAGE_START,
    inside: EventType.REASONING_MESSAGE_CONTENT,
    close: [EventType.REASONING_MESSAGE_END],
    key: "messageId",
  },
  { kind: "step", open: EventType.STEP_STARTED, close: [EventType.STEP_FINISHED], key: "stepName" },
  {
    kind: "subagent",
    open: EventType.SUBAGENT_STARTED,
    close: [EventType.SUBAGENT_FINISHED, EventType.SUBAGENT_ERROR],
    key: "subagentRunId",
  },
];

export interface Problem {
  /** The requirement that is not met. */
  readonly id: RequirementId;
  readonly what: string;
}

export class Sequence {
  /** The problems in the order they were found; empty for a legal sequence. */
  readonly problems: Problem[] = [];
  readonly #asked: { readonly threadId: string; readonly runId: string } | undefined;
  readonly #open = new Set<string>();
  readonly #calls = new Set<string>();
  readonly #endedSubagents = new Set<string>();
  #count = 0;
  #runId: string | undefined;
  #terminal: AGUIEvent | undefined;

  /** `asked`: the ids of the input that the sequence answers, if there is one. */
  constructor(asked?: { readonly threadId: string; readonly runId: string }) {
    this.#asked = asked;
  }

  /** The event that ended the run, once it came. */
  get terminal(): AGUIEvent | undefined {
    return this.#terminal;
  }

  /** Takes the next event. Returns it when it has an AG-UI event's shape. */
  push(json: string): AGUIEvent | undefined {
    this.#count += 1;
    const event = this.#parse(json);
    if (!event) return undefined;
    if (this.#terminal) this.#problem("2.5", `${event.type} after the terminal event ${this.#terminal.type}`);
    else this.#judge(event);
    return event;
  }

  /** Ends the sequence, and reports a missing end. */
  end(): void {
    if (this.#terminal) return;
    const what = this.#count === 0 ? "no event came" : "the response ends without RUN_FINISHED or RUN_ERROR";
    this.problems.push({ id: "3.1", what });
  }

  #parse(json: string): AGUIEvent | undefined {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      this.#problem("1.2", `not JSON: ${json.slice(0, 80)}`);
      return undefined;
    }
    const parsed = EventSchemas.safeParse(value);
    if (parsed.success) return parsed.data as AGUIEvent;
    const issue = parsed.error.issues[0];
    const where = issue?.path.join(".") || "type";
    this.#problem("2.1", `no AG-UI event (${where}: ${issue?.message}): ${json.slice(0, 80)}`);
    return undefined;
  }

  #judge(event: AGUIEvent): void {
    if (event.type === EventType.RUN_STARTED) {
      this.#start(event);
      return;
    }
    // A run that could not start is reported by its error alone.
    if (event.type === EventType.RUN_ERROR) {
      this.#terminal = event;
      return;
    }
    if (this.#runId === undefined) {
      this.#problem("2.2", `${event.type} before RUN_STARTED`);
      this.#runId = "";
    }
    if (event.type === EventType.RUN_FINISHED) this.#finish(event);
    else this.#span(event);
  }

  #start({ threadId, runId }: AGUIEvent & { type: EventType.RUN_STARTED }): void {
    if (this.#runId !== undefined) this.#problem("2.2", "a second RUN_STARTED");
    const asked = this.#asked;
    if (asked && (runId !== asked.runId || threadId !== asked.threadId)) {
      this.#problem(
        "2.2",
        `RUN_STARTED names the run ${runId} of ${threadId}, not ${asked.runId} of ${asked.threadId}`,
      );
    }
    this.#runId = runId;
  }

  #finish(event: AGUIEvent & { type: EventType.RUN_FINISHED }): void {
    this.#terminal = event;
    if (this.#runId && event.runId !== this.#runId) {
      this.#problem("2.6", `RUN_FINISHED of run ${event.runId}, but run ${this.#runId} was started`);
    }
    if (this.#open.size > 0) this.#problem("2.4", `RUN_FINISHED while open: ${[...this.#open].join(", ")}`);
  }

  #span(event: AGUIEvent): void {
    if (event.type === EventType.MESSAGES_SNAPSHOT) this.#announced(event);
    if (event.type === EventType.TOOL_CALL_CHUNK && event.toolCallId) this.#calls.add(event.toolCallId);
    if (event.type === EventType.TOOL_CALL_RESULT && !this.#calls.has(event.toolCallId)) {
      this.#problem("2.7", `TOOL_CALL_RESULT of ${event.toolCallId}, a call that was not announced`);
    }
    const grammar = SPANS.find(({ open, inside, close }) => [open, inside, ...close].includes(event.type));
    if (!grammar) return;
    const id = String((event as unknown as Record<string, unknown>)[grammar.key]);
    const span = `${grammar.kind} ${id}`;
    const owner = "subagentRunId" in event ? String(event.subagentRunId) : undefined;
    const isLate = owner !== undefined && this.#endedSubagents.has(owner) && !this.#open.has(`subagent ${owner}`);
    if (isLate && grammar.kind !== "subagent") {
      this.#problem("2.3", `${event.type}: ${span} is of subagent ${owner}, which has ended`);
    }
    if (event.type === grammar.open) {
      if (event.type === EventType.TOOL_CALL_START) this.#calls.add(id);
      if (this.#open.has(span)) this.#problem("2.3", `${event.type}: ${span} is open already`);
      this.#open.add(span);
      return;
    }
    if (!this.#open.has(span)) this.#problem("2.3", `${event.type}: ${span} is not open`);
    if (!grammar.close.includes(event.type)) return;
    this.#open.delete(span);
    if (grammar.kind === "subagent") this.#endedSubagents.add(id);
  }

  /** A snapshot holds calls too, and their results may follow it. */
  #announced({ messages }: AGUIEvent & { type: EventType.MESSAGES_SNAPSHOT }): void {
    for (const message of messages) {
      if (message.role === "assistant") for (const { id } of message.toolCalls ?? []) this.#calls.add(id);
    }
  }

  #problem(id: RequirementId, what: string): void {
    this.problems.push({ id, what: `event ${this.#count}: ${what}` });
  }
}
