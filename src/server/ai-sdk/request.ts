/** The body that `useChat` sends, as AG-UI's input for a run. Pure. */
import { z } from "zod";
import type { Interrupt, ResumeEntry, RunAgentInput } from "../../protocol/events.ts";
import { isRecord, parseRunAgentInput } from "../../protocol/input.ts";
import { AS_IT_IS } from "./ui-messages.ts";

const part = z.looseObject({ type: z.string() });

const message = z.object({
  id: z.string(),
  role: z.enum(["system", "user", "assistant"]),
  parts: z.array(part),
});

/**
 * `useChat` sends some of these members itself. The others come from a page's `body` option, and have the same meaning
 * as in AG-UI.
 */
export const chatRequest = z.object({
  /** The thread. */
  id: z.string(),
  messages: z.array(message),
  /** The message that is answered again, edited or continued. */
  messageId: z.string().nullish(),
  agent: z.string().optional(),
  /** AG-UI's list, or an object by name, as assistant-ui sends it. */
  tools: z.union([z.array(z.unknown()), z.record(z.string(), z.record(z.string(), z.unknown()))]).optional(),
  context: z.unknown().optional(),
  state: z.unknown().optional(),
  forwardedProps: z.unknown().optional(),
  resume: z.array(z.unknown()).optional(),
});

export type ChatRequest = z.infer<typeof chatRequest>;
type SentMessage = z.infer<typeof message>;
type SentPart = z.infer<typeof part>;

/** The message that the answer goes into. `undefined`: a new one. */
export interface Continued {
  readonly messageId: string;
  /** The tool calls that the client has in it. */
  readonly calls: readonly string[];
}

export function continuedBy({ messages, messageId }: ChatRequest): Continued | undefined {
  const continued = messages.find(({ id }) => id === messageId) ?? messages.at(-1);
  if (continued?.role !== "assistant") return undefined;
  return { messageId: continued.id, calls: continued.parts.flatMap((part) => callOf(part)?.id ?? []) };
}

/**
 * AG-UI's input for a run.
 * @throws SluiceError `bad_request` that names the field.
 */
export function toRunInput(chat: ChatRequest, open: readonly Interrupt[], runId: string): RunAgentInput {
  const { id, messages, tools = [], context, state, forwardedProps, resume = approvals(messages, open) } = chat;
  return parseRunAgentInput({
    threadId: id,
    runId,
    protocolVersion: "1.0",
    messages: messages.flatMap(fromUiMessage),
    tools: Array.isArray(tools)
      ? tools
      : Object.entries(tools).map(([name, tool]) => ({ description: "", ...tool, name })),
    ...(context === undefined ? {} : { context }),
    ...(state === undefined ? {} : { state }),
    ...(forwardedProps === undefined ? {} : { forwardedProps }),
    ...(resume.length > 0 ? { resume } : {}),
  });
}

/** Approvals of tools are answers to the interrupts that asked for them. */
function approvals(messages: readonly SentMessage[], open: readonly Interrupt[]): ResumeEntry[] {
  const given = messages.flatMap(({ parts }) => parts.filter(({ state }) => state === "approval-responded"));
  return given.flatMap(({ approval }) => {
    if (!isRecord(approval)) return [];
    const { id, approved, reason } = approval;
    const interrupt = open.find((interrupt) => interrupt.id === id);
    const payload = { approved: approved === true, ...(typeof reason === "string" ? { text: reason } : {}) };
    return interrupt ? [{ interruptId: interrupt.id, status: "resolved", payload }] : [];
  });
}

function fromUiMessage(message: SentMessage): object[] {
  const { id, role, parts } = message;
  if (role === "assistant") return fromAnswer(message);
  if (role === "system") return [{ id, role, content: parts.map(({ text }) => String(text ?? "")).join("\n") }];
  const content = parts.flatMap(fromUserPart);
  const [only, ...others] = content;
  return [{ id, role, content: only?.type === "text" && others.length === 0 ? only.text : content }];
}

function fromUserPart(part: SentPart): (Record<string, unknown> & { type: unknown })[] {
  if (part.type === "text") return [{ type: "text", text: part.text }];
  if (part.type === AS_IT_IS && isRecord(part.data)) return [{ ...part.data, type: part.data.type }];
  if (part.type !== "file") return [];
  const { mediaType, url, filename } = part;
  const [kind = ""] = String(mediaType).split("/");
  const type = ["image", "audio", "video"].includes(kind) ? kind : "document";
  const mimeType = String(mediaType).endsWith("/*") ? {} : { mimeType: mediaType };
  const [, value] = /^data:[^,]*;base64,(.*)$/s.exec(String(url)) ?? [];
  const source = value === undefined ? { type: "url", value: url } : { type: "data", value };
  const about = typeof filename === "string" ? { metadata: { filename } } : {};
  return [{ type, source: { ...source, ...mimeType }, ...about }];
}

interface Said {
  readonly id: string;
  readonly role: "assistant";
  content?: string;
  toolCalls?: object[];
}

/** Splits a client's message into messages of the thread: by their ids if the thread sent them, otherwise by steps. */
function fromAnswer({ id, parts }: SentMessage): object[] {
  const said = new Map<string, { readonly message: Said; readonly results: object[] }>();
  let step = 0;
  for (const part of parts) {
    if (part.type === "step-start") step += 1;
    const call = callOf(part);
    if (part.type !== "text" && !call) continue;
    const key = madeIn(part) ?? `${id}-${step}`;
    const { message, results } = said.get(key) ?? { message: { id: key, role: "assistant" }, results: [] };
    said.set(key, { message, results });
    if (call) {
      const made = { name: call.name, arguments: JSON.stringify(part.input ?? {}) };
      message.toolCalls = [...(message.toolCalls ?? []), { id: call.id, type: "function", function: made }];
      results.push(...resultOf(call.id, part));
    } else message.content = `${message.content ?? ""}${String(part.text ?? "")}`;
  }
  return [...said.values()].flatMap(({ message, results }) => [message, ...results]);
}

/** Returns the call of a part. A call with incomplete arguments does not count yet. */
function callOf({ type, toolCallId, toolName, state }: SentPart): { readonly id: string; name: string } | undefined {
  if (typeof toolCallId !== "string" || state === "input-streaming") return undefined;
  if (type === "dynamic-tool") return { id: toolCallId, name: String(toolName) };
  return type.startsWith("tool-") ? { id: toolCallId, name: type.slice("tool-".length) } : undefined;
}

function resultOf(toolCallId: string, { state, output, errorText, preliminary }: SentPart): object[] {
  const result = { id: `${toolCallId}-result`, role: "tool", toolCallId };
  if (state === "output-error") return [{ ...result, content: String(errorText), error: String(errorText) }];
  if (state !== "output-available" || preliminary === true) return [];
  return [{ ...result, content: typeof output === "string" ? output : JSON.stringify(output ?? null) }];
}

/** The id of the thread's message that a part was made in. */
function madeIn({ providerMetadata, callProviderMetadata }: SentPart): string | undefined {
  const metadata = providerMetadata ?? callProviderMetadata;
  const own = isRecord(metadata) ? metadata.sluice : undefined;
  return isRecord(own) && typeof own.messageId === "string" ? own.messageId : undefined;
}
