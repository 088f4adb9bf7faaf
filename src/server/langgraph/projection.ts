/**
 * A run's AG-UI events as the events of LangGraph's API. One projection reads one run from its start. It is pure, and
 * knows only what the log has: nothing that the allow-list refused, and no keys of the state that are not exposed.
 */
import { isDeepStrictEqual } from "node:util";
import { type AguiEvent, EventType, type Interrupt, type Message } from "../../protocol/events.ts";
import type { JsonValue } from "../../protocol/json.ts";
import { Transcript } from "../../store/transcript.ts";
import { graphEvent, nodeOf } from "./graph-events.ts";
import { answerChunk, argumentsOf, toLangGraphMessages, toolMessage, writtenActivity } from "./messages.ts";
import type { StreamMode } from "./request.ts";
import { asked, valuesOf } from "./values.ts";

/** One frame of an event stream: `event:` and `data:`. */
export interface LangGraphFrame {
  readonly event: string;
  readonly data: unknown;
}

export interface ProjectedRun {
  readonly threadId: string;
  readonly runId: string;
  readonly agent: string;
  /** The thread's messages before the run. */
  readonly history: readonly Message[];
  /** The exposed state before the run, where it is known. */
  readonly state?: JsonValue | undefined;
  readonly modes: ReadonlySet<StreamMode>;
}

/** A message of a model that is being streamed. */
interface Answer {
  readonly id: string;
  readonly node: string | undefined;
  /** Its tool calls, in the order they began. */
  readonly calls: string[];
}

export class RunProjection {
  readonly #run: ProjectedRun;
  readonly #transcript: Transcript;
  /** The roles of messages by id: a model's message may not have the id of a message with another role. */
  readonly #roles: Map<string, Message["role"]>;
  /** Open messages of users. */
  readonly #asked = new Set<string>();
  readonly #answers = new Map<string, Answer>();
  /** The answer that a tool call belongs to. */
  readonly #answerOf = new Map<string, Answer>();
  /** Messages that were completed since their node's last update, with the node. */
  #completed: { readonly id: string; readonly node: string | undefined }[] = [];
  /** After a gap the client may hold a part of a message that comes again: that message is removed first. */
  #again = false;
  #sent: unknown;
  #interrupts: readonly Interrupt[] = [];
  #error: { readonly error: string; readonly message: string } | undefined;

  constructor(run: ProjectedRun) {
    this.#run = run;
    this.#transcript = new Transcript(run.history);
    this.#roles = new Map(run.history.map(({ id, role }) => [id, role]));
  }

  /** The graph's state as clients see it: the messages, and the keys that the agent exposes. */
  get values(): Readonly<Record<string, unknown>> {
    const { messages, state = this.#run.state } = this.#transcript;
    return valuesOf({ messages, state });
  }

  /** The result of the whole run, as `wait` and `join` answer it. */
  get result(): Readonly<Record<string, unknown>> {
    if (this.#error) return { __error__: this.#error };
    return { ...this.values, ...asked(this.#interrupts) };
  }

  /** The messages so far. */
  get messages(): readonly Message[] {
    return this.#transcript.messages;
  }

  /** The id of the message that a model's answer goes into. */
  idOf(announced: string, node?: string): string {
    return this.#answer(announced, node).id;
  }

  /** The frames for an event, which came from `node`. */
  push(event: AguiEvent, node?: string): LangGraphFrame[] {
    this.#transcript.push(event);
    switch (event.type) {
      case EventType.RUN_STARTED:
        for (const { id, role } of event.input?.messages ?? []) this.#roles.set(id, role);
        return [{ event: "metadata", data: { run_id: this.#run.runId, attempt: 1 } }, ...this.#values()];
      case EventType.TEXT_MESSAGE_START:
        if (event.role !== "user") return this.#begin(event.messageId, node);
        this.#roles.set(event.messageId, "user");
        this.#asked.add(event.messageId);
        return [];
      case EventType.TEXT_MESSAGE_CONTENT: {
        if (this.#asked.has(event.messageId)) return [];
        const answer = this.#answer(event.messageId, node);
        return this.#chunk(answer, answerChunk(answer.id, event.delta));
      }
      case EventType.TEXT_MESSAGE_END:
        if (this.#asked.delete(event.messageId)) return this.#joined(event.messageId);
        return this.#complete(this.#answer(event.messageId, node));
      case EventType.TOOL_CALL_START:
        return this.#beginCall(event.toolCallId, event.toolCallName, event.parentMessageId ?? event.toolCallId, node);
      case EventType.TOOL_CALL_ARGS:
        return this.#arguments(event.toolCallId, event.delta);
      case EventType.TOOL_CALL_END: {
        const answer = this.#answerOf.get(event.toolCallId);
        return answer ? this.#complete(answer) : [];
      }
      case EventType.TOOL_CALL_RESULT: {
        const { messageId, toolCallId, content, metadata } = event;
        this.#roles.set(messageId, "tool");
        this.#completed.push({ id: messageId, node });
        // The call may be of an earlier run.
        const call = this.#transcript.call(toolCallId);
        const message = toolMessage(messageId, toolCallId, content, call?.name, metadata?.error);
        const input = argumentsOf(call?.arguments ?? "");
        return [
          ...this.#event("on_tool_end", call?.name ?? "tool", { input, output: message }, node),
          ...this.#tuple(message, node),
          ...this.#whole("messages/complete", () => message),
        ];
      }
      case EventType.STEP_STARTED:
        return this.#event("on_chain_start", nodeOf(event.stepName), {}, nodeOf(event.stepName));
      case EventType.STEP_FINISHED: {
        const name = nodeOf(event.stepName);
        return [...this.#event("on_chain_end", name, {}, name), ...this.#update(name), ...this.#values()];
      }
      case EventType.STATE_SNAPSHOT:
      case EventType.STATE_DELTA:
        return this.#values();
      case EventType.MESSAGES_SNAPSHOT:
        return [...this.#takenBack(event.messages), ...this.#values()];
      case EventType.CUSTOM:
        return this.#custom(event.name, event.value);
      case EventType.ACTIVITY_SNAPSHOT:
      case EventType.ACTIVITY_DELTA:
        return this.#custom("manually_emit_activity", writtenActivity(event));
      case EventType.RUN_FINISHED:
        return this.#finish(event.outcome?.type === "interrupt" ? event.outcome.interrupts : []);
      case EventType.RUN_ERROR:
        this.#error = { error: event.code ?? "internal", message: event.message };
        return [...this.#values(), { event: "error", data: this.#error }];
      default:
        return [];
    }
  }

  #wants(mode: StreamMode): boolean {
    return this.#run.modes.has(mode);
  }

  /** The values, if they changed since they were sent last. */
  #values(): LangGraphFrame[] {
    if (!this.#wants("values")) return [];
    const { values } = this;
    if (isDeepStrictEqual(values, this.#sent)) return [];
    this.#sent = values;
    return [{ event: "values", data: values }];
  }

  #answer(announced: string, node: string | undefined): Answer {
    const known = this.#answers.get(announced);
    if (known) return known;
    // If a message of another role has the announced id, the transcript uses this id too.
    const role = this.#roles.get(announced);
    const id = role !== undefined && role !== "assistant" ? `assistant-${announced}` : announced;
    this.#roles.set(id, "assistant");
    const answer = { id, node, calls: [] };
    this.#answers.set(announced, answer);
    return answer;
  }

  #begin(announced: string, node: string | undefined): LangGraphFrame[] {
    const isNew = !this.#answers.has(announced);
    const answer = this.#answer(announced, node);
    if (!isNew) return [];
    const metadata = { [answer.id]: { metadata: this.#metadata(node) } };
    return [
      ...(this.#again ? this.#tuple({ type: "remove", id: answer.id, content: "" }, node) : []),
      ...(this.#wants("messages") ? [{ event: "messages/metadata", data: metadata }] : []),
    ];
  }

  #beginCall(id: string, name: string, announced: string, node: string | undefined): LangGraphFrame[] {
    const begun = this.#begin(announced, node);
    const answer = this.#answer(announced, node);
    const index = answer.calls.push(id) - 1;
    this.#answerOf.set(id, answer);
    const chunk = { type: "tool_call_chunk", index, id, name, args: "" };
    return [...begun, ...this.#chunk(answer, answerChunk(answer.id, "", [chunk]))];
  }

  #arguments(id: string, args: string): LangGraphFrame[] {
    const answer = this.#answerOf.get(id);
    if (!answer) return [];
    const chunk = { type: "tool_call_chunk", index: answer.calls.lastIndexOf(id), args };
    return this.#chunk(answer, answerChunk(answer.id, "", [chunk]));
  }

  #chunk(answer: Answer, chunk: object): LangGraphFrame[] {
    return [
      // It comes before the other modes: a client that reads several of them drops the pieces that come later.
      ...this.#event("on_chat_model_stream", "model", { chunk }, answer.node),
      ...this.#tuple(chunk, answer.node),
      ...this.#whole("messages/partial", () => this.#message(answer.id)),
    ];
  }

  #complete({ id, node }: Answer): LangGraphFrame[] {
    if (!this.#completed.some((message) => message.id === id)) this.#completed.push({ id, node });
    return [
      ...this.#event("on_chat_model_end", "model", {}, node),
      ...this.#whole("messages/complete", () => this.#message(id)),
    ];
  }

  #event(event: Parameters<typeof graphEvent>[0], name: string, data: unknown, node: string | undefined) {
    return this.#wants("events") ? [graphEvent(event, name, data, this.#metadata(node))] : [];
  }

  #tuple(message: object, node: string | undefined): LangGraphFrame[] {
    return this.#wants("messages-tuple") ? [{ event: "messages", data: [message, this.#metadata(node)] }] : [];
  }

  /** Returns frames for a user's message that was sent into the run. */
  #joined(id: string): LangGraphFrame[] {
    const message = this.#message(id);
    return message
      ? [...this.#tuple(message, undefined), ...this.#whole("messages/complete", () => message), ...this.#values()]
      : [];
  }

  /** The mode `messages` sends the whole message again with every piece. */
  #whole(event: string, message: () => object | undefined): LangGraphFrame[] {
    const whole = this.#wants("messages") ? message() : undefined;
    return whole ? [{ event, data: [whole] }] : [];
  }

  #message(id: string): object | undefined {
    return toLangGraphMessages(this.#transcript.withReasoning(id))[0];
  }

  #metadata(node: string | undefined): object {
    const { threadId: thread_id, runId: run_id, agent } = this.#run;
    const from = node === undefined ? {} : { langgraph_node: node };
    return { thread_id, run_id, assistant_id: agent, graph_id: agent, ...from };
  }

  /** The messages that a node has added. */
  #update(node: string): LangGraphFrame[] {
    const own = this.#completed.filter((message) => (message.node ?? node) === node);
    if (own.length === 0) return [];
    this.#completed = this.#completed.filter((message) => !own.includes(message));
    if (!this.#wants("updates")) return [];
    const ids = new Set(own.map(({ id }) => id));
    const messages = toLangGraphMessages(this.#transcript.messages).filter(({ id }) => ids.has(id));
    return [{ event: "updates", data: { [node]: { messages } } }];
  }

  /** Removes messages that were streamed and are no longer valid. */
  #takenBack(kept: readonly Message[]): LangGraphFrame[] {
    const ids = new Set(kept.map(({ id }) => id));
    return [...this.#answers].flatMap(([announced, { id, node }]) => {
      if (ids.has(id)) return [];
      this.#answers.delete(announced);
      this.#completed = this.#completed.filter((message) => message.id !== id);
      return this.#tuple({ type: "remove", id, content: "" }, node);
    });
  }

  /** A custom event of the graph. `config.writer` may write values without a name. */
  #custom(name: string, value: unknown): LangGraphFrame[] {
    if (name === "sluice.gap") this.#again = true;
    if (name.startsWith("sluice.")) return [];
    const event = this.#event("on_custom_event", name, value, undefined);
    if (!this.#wants("custom")) return event;
    return [...event, { event: "custom", data: name === "custom" ? value : { name, value } }];
  }

  #finish(interrupts: readonly Interrupt[]): LangGraphFrame[] {
    this.#interrupts = interrupts;
    const values = this.#values();
    if (interrupts.length === 0) return values;
    const waiting = asked(interrupts);
    return [
      ...values,
      ...(this.#wants("updates") ? [{ event: "updates", data: waiting }] : []),
      ...(this.#wants("values") ? [{ event: "values", data: { ...this.values, ...waiting } }] : []),
    ];
  }
}
