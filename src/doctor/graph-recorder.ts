/** Keeps what a graph tells of itself while it runs: its nodes, its model calls, what it wrote and what was refused. */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import { type AllowList, isHidden } from "../graph/allow-list.ts";
import { type GraphEvent, nodePath } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { asMessage, messageType, partsOf } from "../translate/content.ts";
import { isNode } from "../translate/steps.ts";
import type { CustomSeries, ModelCall, NodeRun, Piece } from "./evidence.ts";

/** Reads a model's own description, which no event of v2 carries. */
export class SwitchesProbe extends BaseCallbackHandler {
  override name = "sluice_doctor";
  override awaitHandlers = true;
  readonly byRun = new Map<string, string[]>();

  override handleChatModelStart(model: Serialized, _messages: unknown, runId: string): void {
    this.byRun.set(runId, switchesOf("kwargs" in model && isRecord(model.kwargs) ? model.kwargs : {}));
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
  /** What models said, with every tag in it. */
  text = "";
  readonly #switches: SwitchesProbe;
  readonly #question: string;
  readonly #openNodes = new Map<string, NodeRun>();
  readonly #openCalls = new Map<string, ModelCall>();
  /** By name, node and member. */
  readonly #series = new Map<string, CustomSeries>();
  readonly #written = new Map<CustomSeries, string>();

  constructor(switches: SwitchesProbe, question: string) {
    this.#switches = switches;
    this.#question = question;
  }

  push(event: GraphEvent, instant: Instant): void {
    const { at } = instant;
    const { event: name, run_id: runId } = event;
    const node = nodePath(event).join("/");
    switch (name) {
      case "on_chat_model_start":
      case "on_llm_start": {
        const switches = this.#switches.byRun.get(runId) ?? [];
        const call: ModelCall = { runId, node, startedAt: at, chunks: [], characters: 0, switches, refused: 0 };
        this.#openCalls.set(runId, call);
        this.modelCalls.push(call);
        break;
      }
      case "on_chat_model_stream":
      case "on_llm_stream": {
        const text = saidIn(field(event, "chunk"));
        if (text !== "") this.#openCalls.get(runId)?.chunks.push({ ...instant, characters: text.length });
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
    if (call.chunks.length === 0) this.text += text;
    const usage = isRecord(output) && isRecord(output.usage_metadata) ? output.usage_metadata : {};
    if (typeof usage.output_tokens === "number") call.outputTokens = usage.output_tokens;
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
    const messages = messagesIn(field(event, "output"));
    run.returnedQuestion = messages.some((message) => this.#isQuestion(message));
    // Of a whole list the answer is the last; the messages before it are the thread's.
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

function saidIn(value: unknown): string {
  const message = asMessage(value);
  if (!message) return isRecord(value) && typeof value.text === "string" ? value.text : "";
  return partsOf(message)
    .map((part) => (part.kind === "text" ? part.text : ""))
    .join("");
}

/** The messages in what a node returned, or in a state. */
function messagesIn(output: unknown): object[] {
  const messages: unknown = isRecord(output) ? output.messages : output;
  return (Array.isArray(messages) ? messages : [messages]).filter((message) => asMessage(message) !== undefined);
}

/** What only a model call leaves on a message. */
function marksOf(message: object): string[] {
  return ["usage_metadata", "response_metadata"].filter((name) => {
    const mark = (message as Record<string, unknown>)[name];
    return isRecord(mark) && Object.keys(mark).length > 0;
  });
}

/** The texts in a custom event, by member: beside its token it may name its kind, as `{ type: "token", content }` does. */
function textsIn(value: unknown): [member: string, text: string][] {
  const members: [string, unknown][] = isRecord(value) ? Object.entries(value) : [["", value]];
  return members.flatMap(([name, text]): [string, string][] =>
    typeof text === "string" && text !== "" ? [[name, text]] : [],
  );
}

/** Who cuts a text into words may lose the spaces between them. */
function squeezed(text: string): string {
  return text.replace(/\s+/g, "");
}
