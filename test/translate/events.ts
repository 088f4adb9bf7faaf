/** Short notations for v2 graph events, their translation, and readable lines of the result. */
import { AIMessage, AIMessageChunk, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ADMIT_ALL, type AllowList } from "../../src/graph/allow-list.ts";
import { type AguiEvent, EventType, type Message } from "../../src/protocol/events.ts";
import type { GraphEvent, GraphEventName } from "../../src/protocol/graph-event.ts";
import { createTranslator } from "../../src/translate/create-translator.ts";
import type { RunEnd, TranslatorOptions } from "../../src/translate/translator.ts";

/** The place of an event. */
export interface Place {
  /**
   * The path of nodes, like `research/writer`. `#2` after a segment marks a second execution of that node:
   * `writer#2`.
   */
  readonly node?: string;
  readonly tags?: readonly string[];
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly finishReason?: string;
  readonly usage?: object;
}

export const DONE: RunEnd = { kind: "done" };

export function event(
  event: GraphEventName,
  run_id: string,
  data: unknown,
  { node, tags = [], name = "model", metadata = {}, finishReason, usage }: Place = {},
): GraphEvent {
  const path = node?.split("/") ?? [];
  const ns = path.map((segment) => {
    const [own, execution = "1"] = segment.split("#");
    return `${own}:${execution}`;
  });
  const place = node ? { langgraph_node: path.at(-1)?.split("#")[0], langgraph_checkpoint_ns: ns.join("|") } : {};
  return {
    event,
    name,
    run_id,
    tags,
    metadata: { ...place, ...metadata },
    data,
    ...(finishReason ? { finishReason } : {}),
    ...(usage ? { usage } : {}),
  };
}

// --- A model's run

type ChunkFields = Exclude<ConstructorParameters<typeof AIMessageChunk>[0], string>;

/** A token: text, or any fields of an `AIMessageChunk`. The message's id is `m-<run>` when none is given. */
export function token(run: string, content: string | Partial<ChunkFields>, place?: Place): GraphEvent {
  const fields = typeof content === "string" ? { content } : { content: "", ...content };
  const chunk = new AIMessageChunk({ id: `m-${run}`, ...fields } as ChunkFields);
  return event("on_chat_model_stream", run, { chunk }, place);
}

/** A thought, the way DeepSeek and others send it. */
export function thought(run: string, text: string, place?: Place): GraphEvent {
  return token(run, { additional_kwargs: { reasoning_content: text } }, place);
}

/** A piece of a tool call. */
export function callPiece(
  run: string,
  piece: { index?: number; id?: string; name?: string; args?: string },
  place?: Place,
): GraphEvent {
  return token(run, { tool_call_chunks: [{ type: "tool_call_chunk", index: 0, ...piece }] }, place);
}

export function modelStart(run: string, place?: Place): GraphEvent {
  return event("on_chat_model_start", run, { input: { messages: [[new HumanMessage("the prompt")]] } }, place);
}

/** The end of a model's run, with its whole message. */
export function modelEnd(run: string, message: string | Partial<ChunkFields> = "", place?: Place): GraphEvent {
  const fields = typeof message === "string" ? { content: message } : { content: "", ...message };
  const output = new AIMessageChunk({ id: `m-${run}`, ...fields } as ChunkFields);
  return event("on_chat_model_end", run, { output }, place);
}

/** A whole run of a model: its tokens and its end. */
export function said(run: string, tokens: readonly string[], place?: Place): GraphEvent[] {
  return [...tokens.map((text) => token(run, text, place)), modelEnd(run, tokens.join(""), place)];
}

// --- Nodes

/** A node begins: `path` is its path, and its run's id unless `run` names one. */
export function nodeStart(path: string, { run = path, input, tags = [] }: NodeOptions = {}): GraphEvent {
  return event("on_chain_start", run, { input }, nodePlace(path, tags));
}

export function nodeEnd(path: string, { run = path, input, output, tags = [] }: NodeOptions = {}): GraphEvent {
  return event("on_chain_end", run, { input, output }, nodePlace(path, tags));
}

interface NodeOptions {
  readonly run?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly tags?: readonly string[];
}

function nodePlace(node: string, tags: readonly string[]): Place {
  const name = node.split("/").at(-1)?.split("#")[0] ?? node;
  return { node, name, tags: ["graph:step:1", ...tags] };
}

/** A finished message, as a node returns it. */
export function ai(id: string, content: string, more: object = {}): AIMessage {
  return new AIMessage({ id, content, ...more });
}

/** A state update with these messages. */
export function update(...messages: BaseMessage[]): { messages: BaseMessage[] } {
  return { messages };
}

// --- Tools and custom events

interface ToolPlace extends Place {
  /** The model's id for the call. */
  readonly call?: string;
}

export function toolStart(run: string, name: string, input: unknown, { call, ...place }: ToolPlace = {}): GraphEvent {
  return { ...event("on_tool_start", run, { input }, { ...place, name }), ...(call ? { toolCallId: call } : {}) };
}

/** A tool's end: with its plain output, or with a message. */
export function toolEnd(run: string, name: string, output: unknown, { call, ...place }: ToolPlace = {}): GraphEvent {
  return { ...event("on_tool_end", run, { output }, { ...place, name }), ...(call ? { toolCallId: call } : {}) };
}

export function toolError(run: string, name: string, error: unknown, { call, ...place }: ToolPlace = {}): GraphEvent {
  return { ...event("on_tool_error", run, { error }, { ...place, name }), ...(call ? { toolCallId: call } : {}) };
}

export function toolMessage(tool_call_id: string, content: string, id?: string): ToolMessage {
  return new ToolMessage({ tool_call_id, content, ...(id ? { id } : {}) });
}

export function custom(name: string, value: unknown, place?: Place): GraphEvent {
  return event("on_custom_event", "root", value, { ...place, name });
}

// --- Translating

const DEFAULTS: TranslatorOptions = {
  threadId: "t",
  runId: "r",
  history: [],
  ownFrom: 0,
  drafts: {},
  followsState: false,
  tokens: true,
  reasoning: true,
  reasoningTags: [],
  nodes: {},
  stateKeys: [],
  frontendTools: new Set(),
};

export interface TranslateOptions extends Partial<TranslatorOptions> {
  readonly end?: RunEnd;
  readonly fresh?: Parameters<ReturnType<typeof createTranslator>["start"]>[0];
  /** Refused events reach the translator in the way a run hands them over. */
  readonly allowList?: AllowList;
}

/** A failed model call, as the source reports it. */
export function modelFailed(run: string, place?: Place): GraphEvent {
  return { ...event("on_chat_model_end", run, {}, place), failed: true };
}

/**
 * Returns a whole run as lines, with its corrections in place: `-m1` for a removed message, `m1="x"` for a changed one,
 * followed by its calls.
 */
export function correctedLines(events: readonly GraphEvent[], options: TranslateOptions = {}): string[] {
  const { end = DONE, fresh = [], allowList = ADMIT_ALL, ...own } = options;
  const translator = createTranslator({ ...DEFAULTS, ...own });
  const lines: string[] = [];
  const note = (sent: readonly AguiEvent[]) => {
    lines.push(...sent.filter(isConversation).map(line));
    const { removed = [], replaced = [] } = translator.correction() ?? {};
    const changed = [...removed.map((id) => `-${id}`), ...replaced.map(asWord)];
    if (changed.length > 0) lines.push(`CORRECTED ${changed.join(" ")}`);
  };
  note(translator.start(fresh, false));
  for (const event of events) {
    if (event.failed) note(translator.failed(event));
    else if (allowList.admits(event)) note(translator.push(event));
    else note(translator.refused(event, allowList.admitsPlace(event)));
  }
  note(translator.finish(end));
  return lines;
}

/** Returns only the corrections of a run. */
export function corrections(events: readonly GraphEvent[], options?: TranslateOptions): string[] {
  return correctedLines(events, options).flatMap((line) => (line.startsWith("CORRECTED ") ? [line.slice(10)] : []));
}

function asWord(message: Message): string {
  const calls = message.role === "assistant" ? (message.toolCalls ?? []) : [];
  const made = calls.map(({ id, function: { name, arguments: args } }) => `${id}:${name}${args}`);
  return [`${message.id}=${JSON.stringify(message.content)}`, ...made].join(" ");
}

/** A whole run: its start, its events as far as they are admitted, its end. */
export function translate(events: readonly GraphEvent[], options: TranslateOptions = {}): AguiEvent[] {
  const { end = DONE, fresh = [], allowList = ADMIT_ALL, ...own } = options;
  const translator = createTranslator({ ...DEFAULTS, ...own });
  const push = (event: GraphEvent) => {
    if (event.failed) return translator.failed(event);
    return allowList.admits(event) ? translator.push(event) : translator.refused(event, allowList.admitsPlace(event));
  };
  return [...translator.start(fresh, false), ...events.flatMap(push), ...translator.finish(end)];
}

/** A run as lines, without its first and last event and without Sluice's own remarks. */
export function linesOf(events: readonly GraphEvent[], options?: TranslateOptions): string[] {
  return translate(events, options).slice(1, -1).filter(isConversation).map(line);
}

/** The last event of a run. */
export function terminalOf(events: readonly GraphEvent[], options?: TranslateOptions): AguiEvent {
  return translate(events, options).at(-1) as AguiEvent;
}

export function isConversation(event: AguiEvent): boolean {
  return event.type !== EventType.CUSTOM || !event.name.startsWith("sluice.");
}

/** An event as a line: its type, its ids, and what it says. */
export function line(event: AguiEvent): string {
  switch (event.type) {
    case EventType.TEXT_MESSAGE_CONTENT:
    case EventType.REASONING_MESSAGE_CONTENT:
      return `${event.type} ${event.messageId} "${event.delta}"`;
    case EventType.TOOL_CALL_START:
      return [event.type, event.toolCallId, event.toolCallName, event.parentMessageId && `of ${event.parentMessageId}`]
        .filter(Boolean)
        .join(" ");
    case EventType.TOOL_CALL_ARGS:
      return `${event.type} ${event.toolCallId} ${event.delta}`;
    case EventType.TOOL_CALL_RESULT:
      return `${event.type} ${event.toolCallId} ${event.messageId} "${event.content}"`;
    case EventType.TOOL_CALL_END:
      return `${event.type} ${event.toolCallId}`;
    case EventType.STEP_STARTED:
    case EventType.STEP_FINISHED:
      return `${event.type} ${event.stepName}`;
    case EventType.CUSTOM:
      return `${event.type} ${event.name} ${JSON.stringify(event.value)}`;
    default:
      return "messageId" in event ? `${event.type} ${event.messageId}` : event.type;
  }
}

/** Every text anywhere in these events: for what must not leave. */
export function everything(events: readonly AguiEvent[]): string {
  return JSON.stringify(events);
}
