/** Turns a run's events into parts for a person, in an order that can be read: AG-UI event and time in, parts out. */
import { type AguiEvent, EventType, type Message } from "../../protocol/events.ts";
import { correctionsIn, plain, type Shown, type ShownResult } from "./corrections.ts";
import { type Measures, Meter } from "./meter.ts";
import { oneLine, printable } from "./printable.ts";

/** A piece of the output. All text in it is printable. */
export type Part =
  /** A piece of a message, or of the thinking before it. */
  | { readonly kind: "answer" | "reasoning"; readonly id: string; readonly text: string }
  | { readonly kind: "call"; readonly id: string; readonly name: string; readonly args: string }
  | {
      readonly kind: "result";
      readonly id: string;
      readonly name: string;
      readonly args: string;
      readonly text: string;
      readonly failed: boolean;
      /** The time that the tool took; absent when a person was asked meanwhile. */
      readonly ms: number | undefined;
    }
  /** A node was silent for a long time. */
  | { readonly kind: "step"; readonly name: string; readonly ms: number }
  /** A report of the graph itself. */
  | { readonly kind: "custom"; readonly name: string; readonly value: string }
  /** The graph asks the person. */
  | { readonly kind: "question"; readonly text: string }
  /** The earlier text of a message is no longer valid. It is sent again from the beginning. */
  | { readonly kind: "anew" }
  /** An earlier message no longer holds. */
  | { readonly kind: "taken back"; readonly id: string; readonly text: string }
  /** A notice, for example about the connection. */
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  | { readonly kind: "cancelled" }
  | ({ readonly kind: "end"; readonly reason?: string } & Measures);

/**
 * A branch that is being printed, or waits to be: branches that run side by side would write into each other's lines. A
 * single part between two texts takes a turn too.
 */
interface Turn {
  readonly speaker: string | undefined;
  readonly kind: "answer" | "reasoning" | undefined;
  /** The parts to print when its turn comes. */
  readonly held: Part[];
  ended: boolean;
}

interface ToolCall {
  readonly name: string;
  readonly parent: string | undefined;
  args: string;
  since: number | undefined;
}

/** Characters of an error's message. It says what to do, so the messages of servers fit. */
export const MAX_ERROR = 1_000;

/** A node that says nothing for this long is named when it ends, in milliseconds. */
const LONG_SILENCE_MS = 1_000;

/** The state of one conversation, over all its runs. */
export class Parts {
  #meter = new Meter(0);
  #turns: Turn[] = [];
  /** The parts that are due. */
  #due: Part[] = [];
  readonly #calls = new Map<string, ToolCall>();
  #steps = new Map<string, { readonly since: number; readonly emitted: number }>();
  /** The number of parts so far. */
  #emitted = 0;
  /** The text so far, by the id of the message or of its reasoning. */
  readonly #said = new Map<string, string>();
  /** The results of this question's calls, as they were shown. */
  readonly #results = new Map<string, ShownResult>();
  /** The messages that come again after a gap, from their beginning. */
  #repeats = new Set<string>();
  #afterGap = false;

  /** Begins a new question, also in mid-answer. `at` and all other times are milliseconds on one clock. */
  asked(at: number): void {
    this.#meter = new Meter(at);
    this.#turns = [];
    this.#results.clear();
    this.#repeats.clear();
    this.#afterGap = false;
  }

  /** Notes that events are lost: open parts are void, and the events that follow repeat everything. */
  gap(): void {
    this.#turns = [];
    this.#repeats = new Set(this.#said.keys());
    this.#afterGap = true;
  }

  push(event: AguiEvent, at: number): Part[] {
    this.#read(event, at);
    const due = this.#due;
    this.#due = [];
    return due;
  }

  #read(event: AguiEvent, at: number): void {
    switch (event.type) {
      case EventType.RUN_STARTED:
        this.#steps.clear();
        for (const call of this.#calls.values()) call.since = undefined;
        break;
      case EventType.MESSAGES_SNAPSHOT:
        if (this.#afterGap) this.#replace(event.messages);
        else this.#correct(correctionsIn(event.messages, this.#shown()));
        this.#afterGap = false;
        break;
      case EventType.TEXT_MESSAGE_START:
        // A person's message that came into the run is no part of the answer.
        if (event.role !== "user") this.#beginTurn("answer", event.messageId);
        break;
      case EventType.REASONING_START:
        this.#beginTurn("reasoning", event.messageId);
        break;
      case EventType.TEXT_MESSAGE_CONTENT:
        this.#meter.heard(event.messageId, at);
        this.#speak(event.messageId, event.delta);
        break;
      case EventType.REASONING_MESSAGE_CONTENT:
        // A message's reasoning has the message's id in its own.
        this.#meter.heard(event.messageId.replace(/-reasoning(-\d+)?$/, ""), at);
        this.#speak(event.messageId, event.delta);
        break;
      case EventType.TEXT_MESSAGE_END:
      case EventType.REASONING_END:
        this.#endTurn(event.messageId);
        break;
      case EventType.TOOL_CALL_START:
      case EventType.TOOL_CALL_ARGS:
      case EventType.TOOL_CALL_END:
      case EventType.TOOL_CALL_RESULT:
        this.#tool(event, at);
        break;
      case EventType.STEP_STARTED:
        this.#steps.set(event.stepName, { since: at, emitted: this.#emitted });
        break;
      case EventType.STEP_FINISHED: {
        const step = this.#steps.get(event.stepName);
        const silent = step && step.emitted === this.#emitted && at - step.since >= LONG_SILENCE_MS;
        if (silent) this.#emit({ kind: "step", name: printable(event.stepName), ms: at - step.since });
        break;
      }
      case EventType.CUSTOM:
        if (event.name === "sluice.model_call") this.#meter.modelCall(event.value);
        if (event.name.startsWith("sluice.")) break;
        this.#emit({ kind: "custom", name: oneLine(event.name), value: oneLine(JSON.stringify(event.value) ?? "") });
        break;
      case EventType.RUN_FINISHED:
      case EventType.RUN_ERROR:
        this.#end(event);
        break;
      default: // The state, and what only programs can use.
    }
  }

  #tool(event: AguiEvent, at: number): void {
    switch (event.type) {
      case EventType.TOOL_CALL_START:
        this.#calls.set(event.toolCallId, {
          name: oneLine(event.toolCallName),
          parent: event.parentMessageId,
          args: "",
          since: undefined,
        });
        break;
      case EventType.TOOL_CALL_ARGS: {
        const call = this.#calls.get(event.toolCallId);
        if (!call) break;
        call.args += event.delta;
        if (call.parent !== undefined) this.#meter.heard(call.parent, at);
        break;
      }
      case EventType.TOOL_CALL_END: {
        const call = this.#calls.get(event.toolCallId);
        if (!call) break;
        call.since = at;
        call.args = oneLine(call.args);
        this.#emit({ kind: "call", id: event.toolCallId, name: call.name, args: call.args });
        break;
      }
      case EventType.TOOL_CALL_RESULT: {
        const { name = "tool", args = "", since } = this.#calls.get(event.toolCallId) ?? {};
        this.#calls.delete(event.toolCallId);
        const text = oneLine(plain(event.content));
        const failed = event.metadata?.error !== undefined;
        const ms = since === undefined ? undefined : at - since;
        this.#results.set(event.toolCallId, { name, args, text, failed });
        this.#emit({ kind: "result", id: event.toolCallId, name, args, text, failed, ms });
        break;
      }
    }
  }

  #end(event: Extract<AguiEvent, { type: EventType.RUN_FINISHED | EventType.RUN_ERROR }>): void {
    for (const { speaker } of [...this.#turns]) if (speaker) this.#endTurn(speaker);
    this.#meter.used(event.usage);
    const { measures } = this.#meter;
    if (event.type === EventType.RUN_ERROR) {
      this.#emit({
        kind: "error",
        code: oneLine(event.code ?? "internal"),
        message: oneLine(event.message, MAX_ERROR),
      });
    } else if (event.outcome?.type === "interrupt") {
      return; // The run continues when the user has answered.
    } else if (event.outcome?.type === "cancelled") {
      this.#emit({ kind: "cancelled" });
    } else {
      const reason = event.metadata?.finishReason;
      this.#emit({ kind: "end", ...(typeof reason === "string" ? { reason: oneLine(reason) } : {}), ...measures });
      return;
    }
    if (measures.outputTokens !== undefined) this.#emit({ kind: "end", ...measures });
  }

  /** Shows the messages of a snapshot after a gap, from the last question on. */
  #replace(messages: readonly Message[]): void {
    const asked = messages.findLastIndex(({ role }) => role === "user");
    for (const message of messages.slice(asked + 1)) {
      if (message.role !== "assistant" || !message.content) continue;
      this.#repeats.add(message.id);
      this.#beginTurn("answer", message.id);
      this.#speak(message.id, message.content);
      this.#endTurn(message.id);
    }
  }

  /** The texts and results that were shown, except those that are still open. */
  #shown(): Shown {
    const open = new Set(
      this.#turns.flatMap(({ speaker, ended }) => (speaker === undefined || ended ? [] : [speaker])),
    );
    return { answers: [...this.#said].filter(([id]) => !open.has(id)), results: [...this.#results] };
  }

  #correct(parts: readonly Part[]): void {
    for (const part of parts) {
      if (part.kind === "answer" || part.kind === "taken back") this.#said.delete(part.id);
      if (part.kind === "result") this.#results.set(part.id, part);
      if (part.kind === "answer") this.#emit({ kind: "anew" });
      this.#emit(part);
    }
  }

  #beginTurn(kind: "answer" | "reasoning", speaker: string): void {
    this.#turns.push({ speaker, kind, held: [], ended: false });
  }

  #speak(id: string, delta: string): void {
    const turn = this.#turns.find(({ speaker, ended }) => speaker === id && !ended);
    if (!turn?.kind) return;
    this.#emitted += 1;
    const said = this.#repeats.delete(id) ? (this.#said.get(id) ?? "") : "";
    if (!delta.startsWith(said)) {
      this.#said.delete(id);
      this.#put(turn, { kind: "anew" });
      this.#put(turn, { kind: turn.kind, id, text: delta });
    } else if (delta !== said) {
      this.#put(turn, { kind: turn.kind, id, text: delta.slice(said.length) });
    }
  }

  #emit(part: Part): void {
    this.#emitted += 1;
    if (this.#turns.length === 0) this.#say(part);
    else this.#turns.push({ speaker: undefined, kind: undefined, held: [part], ended: true });
  }

  #put(turn: Turn, part: Part): void {
    if (turn === this.#turns[0]) this.#say(part);
    else turn.held.push(part);
  }

  #say(part: Part): void {
    if (part.kind === "answer" || part.kind === "reasoning") {
      this.#said.set(part.id, (this.#said.get(part.id) ?? "") + part.text);
      this.#due.push({ ...part, text: printable(part.text) });
    } else {
      this.#due.push(part);
    }
  }

  /** Ends the turn of the branch that was printed, and prints what the next branch has collected. */
  #endTurn(id: string): void {
    for (const turn of this.#turns) if (turn.speaker === id) turn.ended = true;
    while (this.#turns[0]?.ended) {
      this.#turns.shift();
      const held = this.#turns[0]?.held.splice(0) ?? [];
      for (const part of held) this.#say(part);
    }
  }
}
