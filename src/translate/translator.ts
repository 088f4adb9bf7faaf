/**
 * Graph events in, AG-UI events out. Pure and synchronous: no clock, no I/O. The output is always a legal AG-UI
 * sequence with exactly one terminal event, whatever the graph does.
 *
 * Everything is keyed by LangGraph's run id: message ids change inside one message, and parallel runs interleave.
 */
import type { SluiceError } from "../protocol/errors.ts";
import type { AguiEvent, Interrupt, Message } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import type { CallIds } from "../protocol/ids.ts";
import type { InjectedMessage } from "../protocol/injected.ts";
import type { Carried } from "./carried.ts";
import type { Asked } from "./interrupts.ts";
import type { Correction } from "./sent-messages.ts";

/** The end of a run. */
export type RunEnd =
  /** `incomplete`: an answer of a model was cut off. */
  | { readonly kind: "done"; readonly incomplete?: boolean }
  | {
      readonly kind: "interrupted";
      readonly interrupts: readonly [Interrupt, ...Interrupt[]];
      readonly incomplete?: boolean;
    }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly error: SluiceError };

/** The facts of a run that its translation depends on. */
export interface TranslatorOptions {
  readonly threadId: string;
  readonly runId: string;
  /** The messages that the client has of this thread: they and their tool calls are not announced again. */
  readonly history: readonly Message[];
  /** `history` with messages that clients have for now, and that are taken back soon. Default: `history`. */
  readonly shown?: readonly Message[];
  /**
   * The model's ids of those calls of this thread that clients know by other ids. New calls cannot have
   * these ids. Default: none.
   */
  readonly callIds?: CallIds;
  /**
   * The messages of `history` from this index on count as messages of this run, because the run continues the turn that
   * sent them.
   */
  readonly ownFrom: number;
  /**
   * The drafts among the messages from `ownFrom` on. A draft is a message of a node that will run again. The key is the
   * id of the message. The value is the place where the message was sent.
   */
  readonly drafts: Readonly<Record<string, string>>;
  /** Set when the translator goes on where another one stopped. `history` and `callIds` are then as that one left them. */
  readonly carried?: Carried | undefined;
  /** `true`: a message that the graph's state drops is taken back from clients too. */
  readonly followsState: boolean;
  /** `false`: each message leaves once, whole. */
  readonly tokens: boolean;
  /** `false`: no reasoning leaves. */
  readonly reasoning: boolean;
  /** Bytes that a value in an event may have; a larger one is cut. Default: 256 KiB. */
  readonly maxEventBytes?: number;
  /** Names of the tags that enclose reasoning: `think` for `<think>...</think>`. */
  readonly reasoningTags: readonly string[];
  /** The settings of single nodes, by the node's name or its path. */
  readonly nodes: Readonly<Record<string, NodeRules>>;
  /** `true`: events say which subagent they are of, and subagents' beginnings and ends are sent. Default: `false`. */
  readonly subagents?: boolean;
  /** State keys that clients may see. */
  readonly stateKeys: readonly string[];
  /** Names of the tools that the client runs itself: a call to one stays unanswered in this run. */
  readonly frontendTools: ReadonlySet<string>;
}

/** The settings of a node's messages. The run's setting applies where one is absent. */
export interface NodeRules {
  readonly tokens?: boolean | undefined;
  readonly reasoning?: boolean | undefined;
  /** `false`: the node's messages do not leave at all. Its step and its tools still do. */
  readonly messages?: boolean | undefined;
}

/** Turns the graph events of one run into AG-UI events. */
export interface Translator {
  /**
   * The run's first events. `fresh` are the messages that came with this run. `forked`: the thread after `shown` is
   * no longer valid, so all valid messages are sent.
   */
  start(fresh: readonly Message[], forked: boolean): AguiEvent[];
  /**
   * Reserves the id of a user's message that the run may take. Returns `false` if another message of the thread has the
   * id.
   */
  expect(id: string): boolean;
  /** Returns the events for a user's message that the graph takes, or none if clients have it already. */
  taken(message: InjectedMessage): AguiEvent[];
  /** Events for an admitted graph event. */
  push(event: GraphEvent): AguiEvent[];
  /** Events for the exposed part of the graph's state, as it is now. */
  state(values: Readonly<Record<string, unknown>>): AguiEvent[];
  /**
   * Returns closers for a refused event: they end the spans that are open. Nothing of its `data` is sent, but a node's
   * update may remove messages. `placeAdmitted`: only the event's name was refused.
   */
  refused(event: GraphEvent, placeAdmitted: boolean): AguiEvent[];
  /** Closers for a model call or a node that failed. */
  failed(event: GraphEvent): AguiEvent[];
  /**
   * Returns the corrections of earlier messages once no message and no call is open. Each correction is returned once.
   */
  correction(): Correction | undefined;
  /** The messages of nodes that have not finished and will run again, each with its place. */
  readonly drafts: Readonly<Record<string, string>>;
  /** The graph has stopped between two steps. Returns the ends of nodes that handed over: LangGraph reports none. */
  rest(): AguiEvent[];
  /** The knowledge to go on with elsewhere, after `rest`. `undefined` while a message is open. */
  readonly carried: Carried | undefined;
  /** The graph's question, in AG-UI's shape. */
  interrupt(asked: Asked): Interrupt;
  /**
   * The model's ids of those calls of this thread that clients know by other ids. It has the calls that
   * came with the thread, and the calls of this run.
   */
  readonly callIds: CallIds;
  /** Closers, then the terminal event; `correction` belongs between them. Afterwards nothing more comes. */
  finish(end: RunEnd): AguiEvent[];
}
