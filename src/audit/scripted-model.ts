/**
 * Puts a script in the place of every model, at LangChain's base class: callbacks and streaming stay LangChain's own,
 * and no provider is asked. The script calls each tool once, then answers with a unique word, in pieces.
 */
import { AIMessageChunk, type BaseMessage, SystemMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult, GenerationChunk } from "@langchain/core/outputs";
import { toJsonSchema } from "@langchain/core/utils/json_schema";
import { type Method, type Prototype, prototypesFor, replaceMethod } from "../doctor/langchain-classes.ts";
import { MODELS } from "../doctor/model-calls.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { token } from "./canary.ts";
import { sample } from "./sample.ts";
import { auditError } from "./staged-error.ts";

export type Place = Pick<GraphEvent, "name" | "tags" | "metadata">;

/** A call of a model, as the script saw it. */
export interface ModelCall {
  readonly place: Place;
  /** Absent for a call without callbacks. */
  readonly runId?: string | undefined;
  readonly prompt: readonly BaseMessage[];
  /** The word in the answer. */
  readonly word: string;
}

export interface Script {
  readonly calls: ModelCall[];
  /** The words in tools' arguments, by tool. */
  readonly argumentWords: Map<string, string>;
  /** Have models fail. */
  failing: boolean;
}

interface RunManager {
  readonly runId?: string;
  readonly tags?: string[];
  readonly metadata?: Record<string, unknown>;
  handleLLMNewToken(text: string, ...more: unknown[]): Promise<unknown>;
}

/** One call of every tool, but not hundreds. */
const MOST_CALLS = 16;

/** Makes every model that code in `file` creates follow the script, until the returned function is called. */
export async function scriptModels(file: string, script: Script): Promise<() => void> {
  const undo: (() => void)[] = [];
  const shadowed = new WeakSet<object>();
  for (const base of await prototypesFor(file, MODELS)) {
    for (const name of ["generate", "_streamIterator", "streamEvents"]) {
      const own = base[name] as Method;
      const replaced = replaceMethod(base, name, (model, args) => {
        if (!shadowed.has(model)) undo.push(shadow(model, base, script));
        shadowed.add(model);
        return own.apply(model, args);
      });
      undo.push(replaced);
    }
  }
  return () => {
    for (const back of undo.reverse()) back();
  };
}

/** Replaces the methods that call a provider, on this one model object. */
function shadow(model: object, base: Prototype, script: Script): () => void {
  const isChat = (base._modelType as () => string)() === "base_chat_model";
  const undo = Object.entries(isChat ? chatMethods(model, base, script) : completionMethods(model, script)).map(
    ([name, value]) => {
      const own = Object.getOwnPropertyDescriptor(model, name);
      Object.defineProperty(model, name, { value, configurable: true, writable: true });
      return () => {
        if (own) Object.defineProperty(model, name, own);
        else Reflect.deleteProperty(model, name);
      };
    },
  );
  return () => {
    for (const back of undo) back();
  };
}

function chatMethods(model: object, base: Prototype, script: Script): Record<string, unknown> {
  const _streamResponseChunks = (prompt: BaseMessage[], options: unknown, manager?: RunManager) =>
    answer(model, script, prompt, options, manager);
  return {
    _streamResponseChunks,
    _generate: async (prompt: BaseMessage[], options: unknown, manager?: RunManager) =>
      whole(_streamResponseChunks(prompt, options, manager)),
    ...("_streamChatModelEvents" in base ? { _streamChatModelEvents: base._streamChatModelEvents } : {}),
  };
}

/** The methods of models that complete a text. They have neither messages nor tools. */
function completionMethods(model: object, script: Script): Record<string, unknown> {
  async function* _streamResponseChunks(prompt: string, _options: unknown, manager?: RunManager) {
    for await (const { text } of answer(model, script, [new SystemMessage(prompt)], {}, undefined, manager))
      yield new GenerationChunk({ text });
  }
  return {
    _streamResponseChunks,
    async _generate(prompts: string[], options: unknown, manager?: RunManager) {
      const texts = prompts.map(async (prompt) => {
        let text = "";
        for await (const chunk of _streamResponseChunks(prompt, options, manager)) text += chunk.text;
        return [{ text }];
      });
      return { generations: await Promise.all(texts) };
    },
  };
}

async function* answer(
  model: object,
  script: Script,
  prompt: readonly BaseMessage[],
  options: unknown,
  manager: RunManager | undefined,
  caller = manager,
): AsyncGenerator<ChatGenerationChunk> {
  const { tags = [], metadata = {}, runId } = caller ?? {};
  const word = token("said");
  script.calls.push({ place: { name: model.constructor.name, tags, metadata }, runId, prompt, word });
  if (script.failing) throw auditError("The model failed");
  for (const chunk of chunks(prompt, isRecord(options) ? options : {}, script, word)) {
    yield chunk;
    await manager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk });
  }
}

function chunks(
  messages: readonly BaseMessage[],
  options: Record<string, unknown>,
  script: Script,
  word: string,
): ChatGenerationChunk[] {
  const calls = callsFor(messages, options, script);
  if (calls.length > 0) return [chunkOf({ content: "", tool_call_chunks: calls })];
  const text = JSON.stringify(structured(options, word)) ?? `The audit's answer is ${word}.`;
  // The pieces are so short that none has the whole word.
  const parts = text.match(/.{1,9}/gs) ?? [];
  return [...parts.map((content) => chunkOf({ content })), chunkOf({ content: "" }, { finish_reason: "stop" })];
}

function chunkOf(
  fields: ConstructorParameters<typeof AIMessageChunk>[0],
  generationInfo?: Record<string, unknown>,
): ChatGenerationChunk {
  const message = new AIMessageChunk(fields);
  return new ChatGenerationChunk({ message, text: message.text, ...(generationInfo ? { generationInfo } : {}) });
}

async function whole(parts: AsyncGenerator<ChatGenerationChunk>): Promise<ChatResult> {
  let all: ChatGenerationChunk | undefined;
  for await (const part of parts) all = all ? all.concat(part) : part;
  return { generations: all ? [all] : [] };
}

interface OfferedTool {
  readonly name: string;
  readonly schema: unknown;
}

/** A call of each offered tool, unless the messages already have results, or the model has to call a certain tool. */
function callsFor(messages: readonly BaseMessage[], options: Record<string, unknown>, script: Script) {
  const tools = offered(options.tools);
  const choice = options.tool_choice ?? options.toolChoice;
  const named = tools.filter(({ name }) => name !== "" && JSON.stringify(choice ?? "").includes(`"${name}"`));
  const asked = messages.findLastIndex((message) => message.type === "human");
  const answered = messages.slice(asked + 1).some((message) => message.type === "tool");
  const called = named.length > 0 ? named : answered ? [] : tools;
  return called.slice(0, MOST_CALLS).map(({ name, schema }, index) => {
    const word = script.argumentWords.get(name) ?? token("argument");
    script.argumentWords.set(name, word);
    return {
      type: "tool_call_chunk" as const,
      id: token("call"),
      name,
      args: JSON.stringify(sample(schema, word)),
      index,
    };
  });
}

/** Tools as LangChain has them, or as OpenAI, Anthropic or Google do. */
function offered(tools: unknown): OfferedTool[] {
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool: unknown): OfferedTool[] => {
    if (!isRecord(tool)) return [];
    if (Array.isArray(tool.functionDeclarations)) return offered(tool.functionDeclarations);
    const described = isRecord(tool.function) ? tool.function : tool;
    const schema = described.parameters ?? described.input_schema ?? described.schema;
    return typeof described.name === "string" ? [{ name: described.name, schema: plainSchema(schema) }] : [];
  });
}

function plainSchema(schema: unknown): unknown {
  try {
    return toJsonSchema(schema as never);
  } catch {
    return schema; // The schema is of an unknown kind, so its sample is a text.
  }
}

/** A value that fits the schema of the answer; `undefined` if any text fits. */
function structured(options: Record<string, unknown>, word: string): unknown {
  const format = options.response_format ?? options.responseFormat;
  if (!isRecord(format)) return undefined;
  const asked = isRecord(format.json_schema) ? format.json_schema.schema : format.schema;
  return asked === undefined ? undefined : sample(asked, word);
}
