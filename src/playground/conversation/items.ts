/** The kinds of items in a conversation. Each item has its own signals, so a token updates only one item. */
import { type Signal, signal } from "@preact/signals";
import type { ContentPart, TokenUsage } from "../../protocol/events.ts";
import type { LineError } from "../transport/transport.ts";
import type { Step } from "./steps.ts";

export interface UserItem {
  readonly kind: "user";
  readonly id: string;
  readonly content: string | readonly ContentPart[];
  /** The message was sent into an active run, and the run took it. */
  readonly taken?: true;
}

/** Text that grows. `revision` changes after the text did, once for many deltas. */
export class Growing {
  readonly revision = signal(0);
  /** Nothing more is added. */
  readonly done = signal(false);
  text = "";
}

export interface TextItem {
  readonly kind: "text";
  readonly id: string;
  readonly body: Growing;
}

export interface ReasoningItem {
  readonly kind: "reasoning";
  readonly id: string;
  readonly body: Growing;
  /** When it began, by `performance.now()`. Unknown for an item from a snapshot. */
  readonly startedAt: Signal<number | undefined>;
  /** The time that the model thought, in milliseconds. */
  readonly tookMs: Signal<number | undefined>;
}

export interface ToolResult {
  readonly content: string;
  readonly error?: string | undefined;
}

export interface ToolItem {
  readonly kind: "tool";
  /** The call's id. */
  readonly id: string;
  readonly name: string;
  /** The assistant message that made the call. */
  readonly parentId: string | undefined;
  /** The arguments received so far, as JSON text. */
  readonly args: Growing;
  /** The id of the message with the result, once there is one. */
  readonly resultId: Signal<string | undefined>;
  readonly result: Signal<ToolResult | undefined>;
  readonly startedAt: Signal<number | undefined>;
  readonly tookMs: Signal<number | undefined>;
}

/** The end of a run, below its messages. */
export interface EndItem {
  readonly kind: "end";
  /** The run's id. */
  readonly id: string;
  readonly outcome: "done" | "interrupt" | "cancelled" | "error";
  readonly error: LineError | undefined;
  readonly usage: readonly TokenUsage[];
  readonly finishReason: string | undefined;
  readonly tookMs: number | undefined;
  /** From the run's start to its first text, in milliseconds. */
  readonly firstTextMs: number | undefined;
  readonly steps: readonly Step[];
}

/** Answers that were sent from this page to the questions of a run. */
export interface AnsweredItem {
  readonly kind: "answered";
  readonly id: string;
  readonly answers: readonly { readonly question: string; readonly answer: string }[];
}

export type Item = UserItem | TextItem | ReasoningItem | ToolItem | EndItem | AnsweredItem;

export function textItem(id: string): TextItem {
  return { kind: "text", id, body: new Growing() };
}

export function reasoningItem(id: string): ReasoningItem {
  return { kind: "reasoning", id, body: new Growing(), startedAt: signal(undefined), tookMs: signal(undefined) };
}

export function toolItem(id: string, name: string, parentId: string | undefined): ToolItem {
  return {
    kind: "tool",
    id,
    name,
    parentId,
    args: new Growing(),
    resultId: signal(undefined),
    result: signal(undefined),
    startedAt: signal(undefined),
    tookMs: signal(undefined),
  };
}

/** Returns the end of a run that the server refused. */
export function refusedRun(id: string, error: LineError): EndItem {
  return {
    kind: "end",
    id,
    outcome: "error",
    error,
    usage: [],
    finishReason: undefined,
    tookMs: undefined,
    firstTextMs: undefined,
    steps: [],
  };
}
