/**
 * Records the reports of a graph while it runs: its nodes, its model calls, its custom events and the refused events.
 */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import { type AllowList, isHidden } from "../graph/allow-list.ts";
import { type GraphEvent, isNode, nodePath } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { messageOf } from "../protocol/redact.ts";
import { asMessage, messageType } from "../translate/content.ts";
import type { CustomSeries, ModelCall, NodeRun, Piece } from "./evidence.ts";
import type { ModelCalls } from "./model-calls.ts";
import { isJson, saidIn, squeezed } from "./said.ts";

/** Collects facts about model calls that no event of v2 has: the model's own description, and how a call ended. */
export class ModelProbe extends BaseCallbackHandler {
  override name = "sluice_doctor";
  override awaitHandlers = true;
  readonly switches = new Map<string, string[]>();
  readonly cached = new Set<string>();
  readonly failed = new Map<string, string>();
  readonly #calls: ModelCalls;

  constructor(calls: ModelCalls) {
    super();
    this.#calls = calls;
  }

  override handleChatModelStart(model: Serialized, _messages: unknown, runId: string): void {
    this.#calls.reached(runId);
    this.switches.set(runId, switchesOf("kwargs" in model && isRecord(model.kwargs) ? model.kwargs : {}));
  }

  override handleLLMStart(model: Serialized, prompts: string[], runId: string): void {
    this.handleChatModelStart(model, prompts, runId);
  }

  override handleLLMEnd(_output: unknown, runId: string, _parent?: string, _tags?: string[], extra?: object): void {
    if (extra && (extra as { cached?: unknown }).cached === true) this.cached.add(runId);
  }

  override handleLLMError(error: unknown, runId: string): void {
    this.failed.set(runId, messageOf(error));
  }
}

function switchesOf(kwargs: Record<string, unknown>): string[] {
  const disabled = kwargs.disable_streaming ?? kwargs.disableStreaming;
  return [
    ...(kwargs.streaming === false ? ["streaming: false"] : []),
    ...(disabled === true ? ["disableStreaming: true"] : []),
  ];
}

type Instant = Omit<Piece, "characters">;

export class GraphRecorder {
  readonly nodes: NodeRun[] = [];
  readonly modelCalls: ModelCall[] = [];
  readonly customs: CustomSeries[] = [];
  readonly refused: Record<string, number> = {};
  /** The text of all models, with every tag in it. */
  text = "";
  readonly #probe: ModelProbe;
  readonly #question: string;
  readonly #openNodes = new Map<string, NodeRun>();
  readonly #openCalls = new Map<string, ModelCall>();
  /** By name, node and member. */
  readonly #series = new Map<string, CustomSeries>();
  readonly #written = new Map<CustomSeries, string>();

  constructor(probe: ModelProbe, question: string) {
    this.#probe = probe;
    this.#question = question;
  }

  push(event: GraphEvent, instant: Instant): void {
    const { at } = instant;
    const { event: name, run_id: runId } = event;
    const node = nodePath(event).join("/");
    switch (name) {
      case "on_chat_model_start":
      case "on_llm_start": {
        const switches = this.#probe.switches.get(runId) ?? [];
        const none = { chunks: [], argumentChunks: [], characters: 0, refused: 0 };
        const call: ModelCall = { runId, node, startedAt: at, switches, ...none };
        this.#openCalls.set(runId, call);
        this.modelCalls.push(call);
        break;
      }
      case "on_chat_model_stream":
      case "on_llm_stream": {
        const text = saidIn(field(event, "chunk"));
        if (text !== "") this.#openCalls.get(runId)?.chunks.push({ ...instant, characters: text.length });
        const characters = argumentsIn(field(event, "chunk"));
        if (characters > 0) this.#openCalls.get(runId)?.argumentChunks.push({ ...instant, characters });
        this.text += text;
        break;
      }
      case "on_chat_model_end":
      case "on_llm_end":
        this.#endCall(event, at);
        break;
      case "on_chain_start":
        if (isNode(event)) this.#startNode(runId, node, at);
        break;
      case "on_chain_end":
        this.#endNode(event, at);
        break;
      case "on_custom_event":
        this.#custom(event, node, instant);
        break;
    }
  }

  refuse(event: GraphEvent, allowList: AllowList): void {
    this.refused[event.event] = (this.refused[event.event] ?? 0) + 1;
    const call = this.#openCalls.get(event.run_id);
    if (!call || !event.event.endsWith("_stream")) return;
    call.refused += 1;
    call.refusedFor = isHidden(event) ? "nostream" : allowList.admitsPlace(event) ? "name" : "place";
  }

  #endCall(event: GraphEvent, at: number): void {
    const call = this.#openCalls.get(event.run_id);
    const output = field(event, "output");
    if (!call) return;
    const text = saidIn(output);
    call.endedAt = at;
    call.characters = text.length;
    if (isJson(text)) call.json = true;
    if (this.#probe.cached.has(call.runId)) call.cached = true;
    if (call.chunks.length === 0) this.text += text;
    const usage = isRecord(output) && isRecord(output.usage_metadata) ? output.usage_metadata : {};
    if (typeof usage.output_tokens === "number") call.outputTokens = usage.output_tokens;
  }

  /** Adds facts that are known only at the end of the run: a failed call has no end event. */
  finish(): void {
    for (const call of this.modelCalls) {
      const failed = this.#probe.failed.get(call.runId);
      if (failed !== undefined) call.failed = failed;
    }
  }

  #startNode(runId: string, path: string, startedAt: number): void {
    const run: NodeRun = { path, startedAt, characters: 0, marks: [], returnedQuestion: false };
    this.#openNodes.set(runId, run);
    this.nodes.push(run);
  }

  #endNode(event: GraphEvent, at: number): void {
    const run = this.#openNodes.get(event.run_id);
    if (!run) return;
    this.#openNodes.delete(event.run_id);
    run.endedAt = at;
    const output = field(event, "output");
    if (isIterator(output)) run.isGenerator = true;
    const messages = messagesIn(output);
    run.returnedQuestion = messages.some((message) => this.#isQuestion(message));
    // In a whole list, the last message is the answer. The earlier messages belong to the thread.
    const answers = messages.filter((message) => messageType(message) === "ai");
    const fresh = run.returnedQuestion ? answers.slice(-1) : answers;
    run.characters = fresh.reduce((sum, message) => sum + saidIn(message).length, 0);
    run.marks = [...new Set(fresh.flatMap(marksOf))];
    const text = fresh.map(saidIn).join("");
    for (const series of this.customs.filter(({ node }) => node === run.path || node === "")) {
      if (text === "" || squeezed(this.#written.get(series) ?? "") !== squeezed(text)) continue;
      series.isAnswer = true;
      series.node = run.path;
    }
  }

  #isQuestion(message: object): boolean {
    return messageType(message) === "human" && saidIn(message) === this.#question;
  }

  #custom(event: GraphEvent, node: string, instant: Instant): void {
    for (const [member, text] of textsIn(event.data)) {
      const key = JSON.stringify([event.name, node, member]);
      const series = this.#series.get(key) ?? { name: event.name, node, pieces: [], isAnswer: false };
      if (series.pieces.length === 0) {
        this.#series.set(key, series);
        this.customs.push(series);
      }
      series.pieces.push({ ...instant, characters: text.length });
      this.#written.set(series, (this.#written.get(series) ?? "") + text);
    }
  }
}

function field(event: GraphEvent, name: string): unknown {
  return isRecord(event.data) ? event.data[name] : undefined;
}

/** Characters of the arguments of tools in a chunk. */
function argumentsIn(chunk: unknown): number {
  const chunks: unknown = isRecord(chunk) ? chunk.tool_call_chunks : undefined;
  const texts = (Array.isArray(chunks) ? chunks : []).map((one: unknown) => (isRecord(one) ? one.args : ""));
  return texts.reduce((sum: number, text: unknown) => sum + (typeof text === "string" ? text.length : 0), 0);
}

function isIterator(value: unknown): boolean {
  return isRecord(value) && typeof value.next === "function" && typeof value.return === "function";
}

/** The messages in what a node returned, or in a state. */
function messagesIn(output: unknown): object[] {
  const messages: unknown = isRecord(output) ? output.messages : output;
  return (Array.isArray(messages) ? messages : [messages]).filter((message) => asMessage(message) !== undefined);
}

/** The traces that only a model call leaves on a message. */
function marksOf(message: object): string[] {
  return ["usage_metadata", "response_metadata"].filter((name) => {
    const mark = (message as Record<string, unknown>)[name];
    return isRecord(mark) && Object.keys(mark).length > 0;
  });
}

/**
 * The texts in a custom event, by member. A token's event may have other texts too, such as `type` in `{ type: "token",
 * content }`.
 */
function textsIn(value: unknown): [member: string, text: string][] {
  const members: [string, unknown][] = isRecord(value) ? Object.entries(value) : [["", value]];
  return members.flatMap(([name, text]): [string, string][] =>
    typeof text === "string" && text !== "" ? [[name, text]] : [],
  );
}
