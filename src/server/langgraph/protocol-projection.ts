/**
 * A thread's AG-UI events as events of LangGraph's Agent Streaming Protocol: one run after the other. It is pure, and
 * knows what a `RunProjection` knows.
 */
import { type AguiEvent, EventType, type Message } from "../../protocol/events.ts";
import { argumentsOf } from "./messages.ts";
import { type LangGraphFrame, type ProjectedRun, RunProjection } from "./projection.ts";
import type { StreamMode } from "./request.ts";
import { toInterrupts } from "./values.ts";

/** The part of an event that a client is sent. The position is added later. */
export interface ProtocolEvent {
  readonly method: string;
  /** Each message and each run of a tool has a namespace of its own, by which clients filter events. */
  readonly namespace: readonly string[];
  readonly node?: string | undefined;
  readonly data: unknown;
}

/** The modes that have counterparts of the same name. */
const MODES: ReadonlySet<StreamMode> = new Set(["values", "updates", "custom"]);

/** A message of a model that is open. */
interface OpenMessage {
  readonly namespace: readonly string[];
  readonly node: string | undefined;
  /** Its blocks so far. */
  blocks: number;
  /** The text block that is open. */
  text?: { readonly index: number; said: string };
}

interface OpenCall {
  readonly message: OpenMessage;
  readonly index: number;
  readonly name: string;
  args: string;
}

export class ProtocolProjection {
  readonly #thread: Pick<ProjectedRun, "threadId" | "agent">;
  #run: RunProjection;
  readonly #messages = new Map<string, OpenMessage>();
  readonly #calls = new Map<string, OpenCall>();

  /** `history`: the messages before the first run that is pushed. */
  constructor(thread: Pick<ProjectedRun, "threadId" | "agent">, history: readonly Message[]) {
    this.#thread = thread;
    this.#run = this.#runOf("", history);
  }

  push(event: AguiEvent, node?: string): ProtocolEvent[] {
    if (event.type === EventType.RUN_STARTED) this.#run = this.#runOf(event.runId, this.#run.messages);
    const frames = this.#run.push(event, node).flatMap(fromFrame);
    return [...this.#own(event, node), ...frames, ...lifecycleAfter(event)];
  }

  #runOf(runId: string, history: readonly Message[]): RunProjection {
    return new RunProjection({ ...this.#thread, runId, history, modes: MODES });
  }

  #own(event: AguiEvent, node: string | undefined): ProtocolEvent[] {
    switch (event.type) {
      case EventType.RUN_STARTED:
        this.#messages.clear();
        this.#calls.clear();
        return [lifecycle({ event: "running", graph_name: this.#thread.agent })];
      case EventType.TEXT_MESSAGE_START: {
        const { message, begun } = this.#message(event.messageId, node, event.role === "user" ? "human" : "ai");
        const index = message.blocks++;
        message.text = { index, said: "" };
        return [...begun, said(message, { event: "content-block-start", index, content: { type: "text", text: "" } })];
      }
      case EventType.TEXT_MESSAGE_CONTENT: {
        const message = this.#messages.get(event.messageId);
        if (!message?.text) return [];
        message.text.said += event.delta;
        const delta = { type: "text-delta", text: event.delta };
        return [said(message, { event: "content-block-delta", index: message.text.index, delta })];
      }
      case EventType.TEXT_MESSAGE_END: {
        const message = this.#messages.get(event.messageId);
        if (!message?.text) return [];
        const { index, said: text } = message.text;
        delete message.text;
        return [said(message, { event: "content-block-finish", index, content: { type: "text", text } })];
      }
      case EventType.TOOL_CALL_START: {
        const { toolCallId: id, toolCallName: name } = event;
        const { message, begun } = this.#message(event.parentMessageId ?? id, node);
        const index = message.blocks++;
        this.#calls.set(id, { message, index, name, args: "" });
        const content = { type: "tool_call_chunk", id, name, args: "" };
        return [...begun, said(message, { event: "content-block-start", index, content })];
      }
      case EventType.TOOL_CALL_ARGS: {
        const call = this.#calls.get(event.toolCallId);
        if (call) call.args += event.delta;
        return [];
      }
      case EventType.TOOL_CALL_END:
        return this.#calledWhole(event.toolCallId);
      case EventType.TOOL_CALL_RESULT: {
        const { toolCallId: tool_call_id, content, metadata } = event;
        const failed = metadata?.error !== undefined;
        const data = failed
          ? { event: "tool-error", tool_call_id, message: content }
          : { event: "tool-finished", tool_call_id, output: content };
        return [tool(tool_call_id, node, data)];
      }
      case EventType.STEP_FINISHED:
      case EventType.RUN_FINISHED:
      case EventType.RUN_ERROR:
        return this.#finished();
      default:
        return [];
    }
  }

  /** Arguments are sent whole: in pieces, each piece would have to repeat all before it. */
  #calledWhole(id: string): ProtocolEvent[] {
    const call = this.#calls.get(id);
    if (!call) return [];
    const { message, index, name } = call;
    const args = argumentsOf(call.args);
    const content = { type: "tool_call", id, name, args };
    return [
      said(message, { event: "content-block-finish", index, content }),
      tool(id, message.node, { event: "tool-started", tool_call_id: id, tool_name: name, input: args }),
    ];
  }

  #message(announced: string, node: string | undefined, role: "ai" | "human" = "ai") {
    const known = this.#messages.get(announced);
    if (known) return { message: known, begun: [] };
    const id = role === "human" ? announced : this.#run.idOf(announced, node);
    const message: OpenMessage = { namespace: [`${node ?? "agent"}:${id}`], node, blocks: 0 };
    this.#messages.set(announced, message);
    return { message, begun: [said(message, { event: "message-start", role, id })] };
  }

  /** Messages to which nothing can be added any more. */
  #finished(): ProtocolEvent[] {
    const closed = [...this.#messages].filter(([, { text }]) => !text);
    for (const [announced] of closed) this.#messages.delete(announced);
    return closed.map(([, message]) => said(message, { event: "message-finish" }));
  }
}

function said({ namespace, node }: OpenMessage, data: object): ProtocolEvent {
  return { method: "messages", namespace, node, data };
}

function tool(id: string, node: string | undefined, data: object): ProtocolEvent {
  return { method: "tools", namespace: [`tools:${id}`], node, data };
}

function lifecycle(data: object): ProtocolEvent {
  return { method: "lifecycle", namespace: [], data };
}

/**
 * Returns the end of a run, after the questions of the graph, if it has any. A cancelled run is called interrupted, as
 * in a list of runs.
 */
function lifecycleAfter(event: AguiEvent): ProtocolEvent[] {
  if (event.type === EventType.RUN_ERROR) return [lifecycle({ event: "failed", error: event.message })];
  if (event.type !== EventType.RUN_FINISHED) return [];
  const { outcome } = event;
  if (outcome?.type === "cancelled") return [lifecycle({ event: "interrupted" })];
  if (outcome?.type !== "interrupt") return [lifecycle({ event: "completed" })];
  return [
    ...toInterrupts(outcome.interrupts).map(({ id: interrupt_id, value: payload }) => ({
      method: "input.requested",
      namespace: [],
      data: { interrupt_id, payload },
    })),
    lifecycle({ event: "interrupted" }),
  ];
}

function fromFrame({ event, data }: LangGraphFrame): ProtocolEvent[] {
  switch (event) {
    case "values":
      return [{ method: "values", namespace: [], data }];
    case "updates":
      return Object.entries(data as Record<string, unknown>).flatMap(([node, values]) =>
        node === "__interrupt__" ? [] : [{ method: "updates", namespace: [], node, data: { node, values } }],
      );
    case "custom":
      return [{ method: "custom", namespace: [], data: customData(data) }];
    default:
      return [];
  }
}

function customData(value: unknown): object {
  const { name, value: payload } = (value ?? {}) as { name?: unknown; value?: unknown };
  return typeof name === "string" ? { name, payload } : { payload: value };
}
