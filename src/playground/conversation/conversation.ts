/** A thread as the page shows it, built only from events and their times. It uses neither the clock nor the DOM. */
import { batch, signal } from "@preact/signals";
import { type InjectedMessage, injectedAfter } from "../../client/injected.ts";
import { applyPatch, type PatchOperation } from "../../client/json-patch.ts";
import { type AguiEvent, EventType, type Interrupt, type Message } from "../../protocol/events.ts";
import type { InjectedReport } from "../../protocol/injected.ts";
import type { LineError } from "../transport/transport.ts";
import { type ExposedState, newState } from "./exposed-state.ts";
import { Growth } from "./growth.ts";
import { ItemList } from "./item-list.ts";
import {
  type AnsweredItem,
  type ReasoningItem,
  reasoningItem,
  refusedRun,
  type TextItem,
  type ToolItem,
  textItem,
  toolItem,
  type UserItem,
} from "./items.ts";
import { itemsOf } from "./snapshot.ts";
import { type Progress, progressed, type Step, stepFinished, stepStarted } from "./steps.ts";
import { contentText, injectedSentence, runError, sentence, textOf } from "./wording.ts";

export interface ActiveRun {
  readonly runId: string;
  /** `performance.now()`. */
  readonly startedAt: number;
}

/** Changes to announce to a person who uses a screen reader. */
export type Said =
  | { readonly kind: "text"; readonly id: string; readonly delta: string }
  | { readonly kind: "end"; readonly id: string }
  | { readonly kind: "notice"; readonly text: string };

export class Conversation {
  readonly #list = new ItemList();
  readonly items = this.#list.all;
  readonly run = signal<ActiveRun | undefined>(undefined);
  readonly steps = signal<readonly Step[]>([]);
  readonly progress = signal<Progress | undefined>(undefined);
  readonly state = signal<ExposedState | undefined>(undefined);
  readonly interrupts = signal<readonly Interrupt[]>([]);
  /** The messages that were sent into runs and are not among the items. */
  readonly injected = signal<readonly InjectedMessage[]>([]);
  /** Some events were lost, and the thread was sent again. */
  readonly missed = signal(false);
  /** The thread's messages are complete. */
  readonly known = signal(false);
  readonly #growth: Growth;
  readonly #said: (said: Said) => void;
  /** The person's messages that the server has not confirmed, by id. */
  readonly #unsent = new Map<string, UserItem>();
  #firstTextAt: number | undefined;
  /** The page received the run from its first event, so its duration is known. */
  #whole = false;
  /** The state has not been sent in this run yet. */
  #stateIsOld = true;

  /** `changed` is called when there is something to flush. */
  constructor(changed: () => void = () => {}, said: (said: Said) => void = () => {}) {
    this.#growth = new Growth(changed);
    this.#said = said;
  }

  /** Updates the views of the texts that grew. */
  flush(): void {
    this.#growth.flush();
  }

  /** Shows a person's message before the server confirms it. */
  add(message: UserItem): void {
    this.#unsent.set(message.id, message);
    this.#list.put(message);
  }

  /** The last message that the server has not confirmed. */
  get unsent(): UserItem | undefined {
    return [...this.#unsent.values()].at(-1);
  }

  /** Shows the person's answers. Returns a function that removes them again. */
  answered(item: AnsweredItem): () => void {
    this.#list.put(item);
    return () => this.#list.replace(this.items.value.filter((other) => other !== item));
  }

  /** Removes all items after a message, because another answer was requested. */
  cutAfter(id: string): void {
    this.#list.cutAfter(id);
  }

  /** Shows that the server refused a run, and why. */
  refuse(runId: string, error: LineError): void {
    this.#list.put(refusedRun(runId, error));
    this.#said({ kind: "notice", text: `The message was refused: ${error.message}` });
  }

  apply(event: AguiEvent, at: number): void {
    this.injected.value = injectedAfter(this.injected.value, event);
    switch (event.type) {
      case EventType.RUN_STARTED:
        this.#begin(event.runId, at, event.input?.messages ?? []);
        break;
      case EventType.MESSAGES_SNAPSHOT:
        for (const { id } of event.messages) this.#unsent.delete(id);
        this.#list.replace(itemsOf(event.messages, this.#list.byKey, new Set(this.#unsent.keys())));
        this.known.value = true;
        break;
      case EventType.TEXT_MESSAGE_START:
        if (event.role === "user") this.#list.put({ kind: "user", id: event.messageId, content: "" });
        else if (event.role === undefined || event.role === "assistant") this.#open(textItem(event.messageId), at);
        break;
      case EventType.TEXT_MESSAGE_CONTENT:
        if (this.#list.grow(event.messageId, event.delta)) break;
        this.#firstTextAt ??= at;
        this.#growth.grow(this.#list.find("text", event.messageId)?.body, event.delta);
        this.#said({ kind: "text", id: event.messageId, delta: event.delta });
        break;
      case EventType.TEXT_MESSAGE_END:
        this.#growth.close(this.#list.find("text", event.messageId)?.body);
        this.#said({ kind: "end", id: event.messageId });
        break;
      case EventType.REASONING_START:
        this.#open(reasoningItem(event.messageId), at);
        this.#said({ kind: "notice", text: "Thinking." });
        break;
      case EventType.REASONING_MESSAGE_CONTENT:
        this.#growth.grow(this.#list.find("reasoning", event.messageId)?.body, event.delta);
        break;
      case EventType.REASONING_END:
        this.#thought(event.messageId, at);
        break;
      case EventType.TOOL_CALL_START:
        this.#open(toolItem(event.toolCallId, event.toolCallName, event.parentMessageId), at);
        this.#said({ kind: "notice", text: `Calling ${event.toolCallName}.` });
        break;
      case EventType.TOOL_CALL_ARGS:
        this.#growth.grow(this.#list.find("tool", event.toolCallId)?.args, event.delta);
        break;
      case EventType.TOOL_CALL_END:
        this.#growth.close(this.#list.find("tool", event.toolCallId)?.args);
        break;
      case EventType.TOOL_CALL_RESULT:
        this.#result(event, at);
        break;
      case EventType.STEP_STARTED:
        this.steps.value = stepStarted(this.steps.value, event.stepName, at);
        break;
      case EventType.STEP_FINISHED:
        this.steps.value = stepFinished(this.steps.value, event.stepName, at);
        break;
      case EventType.STATE_SNAPSHOT:
        this.#takeState(event.snapshot);
        break;
      case EventType.STATE_DELTA:
        this.#takeState(applyPatch(this.state.value?.value, event.delta), event.delta);
        break;
      case EventType.CUSTOM:
        this.#custom(event.name, event.value);
        break;
      case EventType.RUN_FINISHED:
      case EventType.RUN_ERROR:
        this.#end(event, at);
        break;
      default: // Events that are not shown.
    }
  }

  #begin(runId: string, at: number, messages: readonly Message[]): void {
    // The same run is sent again from its beginning, or another run begins: no more deltas of the last run follow.
    if (this.run.value) this.#closeAll();
    this.#whole = messages.length > 0 || this.known.value;
    this.#firstTextAt = undefined;
    this.#stateIsOld = this.run.value?.runId !== runId;
    batch(() => {
      const known = this.run.value;
      this.run.value = known?.runId === runId ? known : { runId, startedAt: at };
      this.steps.value = [];
      this.progress.value = undefined;
      this.interrupts.value = [];
      for (const message of messages) {
        this.#unsent.delete(message.id);
        if (message.role === "user") this.#list.put({ kind: "user", id: message.id, content: message.content });
        if (message.role === "tool")
          this.#result(
            { ...message, messageId: message.id, metadata: message.error ? { error: message.error } : {} },
            at,
          );
      }
    });
  }

  #end(event: AguiEvent & { type: EventType.RUN_FINISHED | EventType.RUN_ERROR }, at: number): void {
    const run = this.run.value;
    this.#closeAll();
    const finished = event.type === EventType.RUN_FINISHED ? event : undefined;
    const outcome = finished ? (finished.outcome?.type ?? "success") : "error";
    const failed = event.type === EventType.RUN_ERROR ? runError(event) : undefined;
    const open = finished?.outcome?.type === "interrupt" ? finished.outcome.interrupts : [];
    const usage = event.usage ?? [];
    // A run end with nothing before it only completes a report of the thread's current state.
    const isNews = failed || outcome === "cancelled" || usage.length > 0 || this.steps.value.length > 0;
    batch(() => {
      this.run.value = undefined;
      this.progress.value = undefined;
      this.interrupts.value = open;
      this.known.value = true;
      const steps = this.steps.value.map((step) => ({ ...step, tookMs: step.tookMs ?? at - step.startedAt }));
      this.steps.value = [];
      if (!run || !isNews) return;
      this.#list.put({
        kind: "end",
        id: run.runId,
        outcome: outcome === "success" ? "done" : outcome,
        error: failed,
        usage,
        finishReason: textOf(event.metadata?.finishReason),
        tookMs: this.#whole ? at - run.startedAt : undefined,
        firstTextMs: this.#whole && this.#firstTextAt !== undefined ? this.#firstTextAt - run.startedAt : undefined,
        steps,
      });
    });
    if (isNews || open.length > 0) this.#said({ kind: "notice", text: sentence(outcome, failed, open) });
  }

  #takeState(value: unknown, changes?: readonly PatchOperation[]): void {
    const next = newState(this.state.value, value, this.#stateIsOld, changes);
    if (next === this.state.value) return;
    this.#stateIsOld = false;
    this.state.value = next;
  }

  #custom(name: string, value: unknown): void {
    if (name === "progress" || name === "sluice.progress") this.progress.value = progressed(this.progress.value, value);
    if (name === "sluice.injected") this.#reportInjected(value as InjectedReport);
  }

  #reportInjected({ messageId, state }: InjectedReport): void {
    const item = state === "taken" && this.#list.find("user", messageId);
    if (item) this.#list.put({ ...item, taken: true });
    this.#said({ kind: "notice", text: injectedSentence(state) });
  }

  #result(
    {
      toolCallId,
      messageId,
      content,
      metadata,
    }: {
      readonly toolCallId: string;
      readonly messageId: string;
      readonly content: unknown;
      readonly metadata?: Readonly<Record<string, unknown>> | undefined;
    },
    at: number,
  ): void {
    const call = this.#list.find("tool", toolCallId);
    if (!call) return;
    const error = textOf(metadata?.error);
    const started = call.startedAt.value;
    batch(() => {
      this.#growth.close(call.args);
      call.resultId.value = messageId;
      call.result.value = { content: contentText(content), error };
      if (started !== undefined) call.tookMs.value = at - started;
    });
    this.#said({ kind: "notice", text: error ? `${call.name} failed.` : `${call.name} has answered.` });
  }

  #thought(id: string, at: number): void {
    const item = this.#list.find("reasoning", id);
    if (!item) return;
    this.#growth.close(item.body);
    const started = item.startedAt.value;
    if (started !== undefined) item.tookMs.value = at - started;
  }

  /** Adds an item at the end. If it exists already, clears its text, which is sent again. */
  #open(item: TextItem | ReasoningItem | ToolItem, at: number): void {
    const known = this.#list.find(item.kind, item.id);
    if (!known) {
      if (item.kind !== "text") item.startedAt.value = at;
      this.#list.put(item);
      return;
    }
    if (known.kind !== "text") known.startedAt.value ??= at;
    this.#growth.restart(known.kind === "tool" ? known.args : known.body);
  }

  #closeAll(): void {
    for (const item of this.items.value) {
      if (item.kind === "text" || item.kind === "reasoning") this.#growth.close(item.body);
      if (item.kind === "tool") this.#growth.close(item.args);
    }
  }
}
