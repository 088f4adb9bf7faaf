/** The shapes that the documents name, as JSON Schemas. For requests, these are the same schemas that check them. */
import {
  AgentCapabilitiesSchema,
  EventSchemas,
  InterruptSchema,
  MessageSchema,
  RunAgentInputSchema,
  TokenUsageSchema,
} from "@ag-ui/core/schemas";
import { z } from "zod";
import { commandSchemas } from "../../protocol/commands.ts";
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import { clientFrames } from "../../protocol/frames.ts";
import { chatBody, runOptions } from "../../protocol/input.ts";
import { serverFrames } from "../../protocol/server-frames.ts";
import { chatRequest } from "../ai-sdk/request.ts";
import { protocolCommand } from "../langgraph/protocol-commands.ts";
import { wantedEvents } from "../langgraph/protocol-events.ts";
import { connectBody, stopBody } from "../routes/agui.ts";
import { threadChange } from "../routes/copilotkit.ts";
import { shareBody, shareTicketBody } from "../routes/shares.ts";

const code = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);
const cursor = z.string().describe("A position in a thread: epoch and offset, such as f05170fd8823:17.");
const counts = z.record(z.string(), z.int());

const thread = z.object({
  threadId: z.string(),
  title: z.string().describe("Its name; without one the beginning of its first user message, in one line."),
  agent: z.string(),
  waiting: z.boolean().describe("It waits for answers to interrupts."),
  archived: z.boolean().describe("It is archived."),
  active: z.boolean().describe("A run is active on it."),
  createdAt: z.number().describe("Milliseconds since the Unix epoch."),
  updatedAt: z.number().describe("Milliseconds since the Unix epoch."),
  owner: z.string().optional().describe("For an admin only. Empty for a thread without an owner."),
});

const copilotThread = z.object({
  id: z.string(),
  organizationId: z.string().describe("Always empty."),
  agentId: z.string(),
  createdById: z.string().describe("Always empty."),
  name: z.string().nullable(),
  archived: z.boolean(),
  createdAt: z.string(),
  updatedAt: z.string(),
  lastRunAt: z.string(),
});

const threadEndpoints = z.object({
  list: z.boolean(),
  inspect: z.boolean(),
  mutations: z.boolean(),
  realtimeMetadata: z.boolean(),
});

const share = z.object({
  share: z.string().describe("Names the share, and is no secret."),
  madeAt: z.number().describe("Milliseconds since the Unix epoch."),
  expiresAt: z
    .number()
    .optional()
    .describe("Milliseconds since the Unix epoch. Absent: the share is valid until it is revoked."),
});

const failure = z.object({
  code,
  message: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).optional(),
});

/** Each shape by its name in the documents. */
export const SHAPES = {
  RunAgentInput: RunAgentInputSchema,
  RunOptions: runOptions.describe("Options of a run: forwardedProps.sluice of a RunAgentInput."),
  Event: EventSchemas,
  Message: MessageSchema,
  Connect: connectBody,
  Stop: stopBody.describe("Without a runId the active run is cancelled."),
  ChatQuestion: chatBody,
  ChatAnswer: z.object({
    threadId: z.string(),
    runId: z.string(),
    message: z.string(),
    reasoning: z.string().optional(),
    toolCalls: z.array(
      z.object({ id: z.string(), name: z.string(), arguments: z.string(), result: z.string().optional() }),
    ),
    interrupts: z.array(InterruptSchema).optional(),
    incomplete: z.literal(true).optional(),
    usage: z.array(TokenUsageSchema),
    finishReason: z.string().nullable(),
  }),
  Result: z.object({
    threadId: z.string(),
    runId: z.string(),
    outcome: z.enum(["success", "interrupt", "cancelled"]),
    messages: z.array(MessageSchema).describe("The messages that this run added, in order."),
    interrupts: z.array(InterruptSchema).optional(),
    usage: z.array(TokenUsageSchema).optional(),
    finishReason: z.string().optional(),
    incomplete: z.literal(true).optional(),
  }),
  Accepted: z.object({
    threadId: z.string(),
    runId: z.string(),
    thread: z.string().describe("The thread's address."),
    cursor,
  }),
  Stopped: z.object({ stopped: z.literal(true) }),
  Info: z.object({
    version: z.string(),
    mode: z.literal("sse"),
    agents: z.record(
      z.string(),
      z.object({
        name: z.string(),
        description: z.string(),
        className: z.string(),
        capabilities: AgentCapabilitiesSchema,
        prompts: z.array(z.string()),
        stateKeys: z.array(z.string()),
        demo: z.boolean(),
      }),
    ),
    audioFileTranscriptionEnabled: z.boolean(),
    suggestions: z.literal(true),
    threadEndpoints,
    singleRoute: z.object({ resourceOperations: z.literal(true), threadEndpoints }),
  }),
  Suggest: RunAgentInputSchema.describe("A RunAgentInput whose thread is new. Nothing of the run is kept."),
  LangGraphRun: z
    .looseObject({
      assistant_id: z.string(),
      input: z.record(z.string(), z.unknown()).nullish(),
      command: z.looseObject({ resume: z.unknown().optional() }).nullish(),
      stream_mode: z.union([z.string(), z.array(z.string())]).optional(),
    })
    .describe("The body that LangGraph's clients start a run with. docs/langgraph-api.md lists its fields."),
  LangGraphSearch: z.looseObject({}).describe("As LangGraph's clients send it."),
  LangGraphCommand: protocolCommand,
  LangGraphChannels: wantedEvents,
  AiSdkChat: chatRequest,
  ThreadChange: threadChange,
  CopilotThread: copilotThread,
  CopilotThreadList: z.object({ threads: z.array(copilotThread), nextCursor: z.string().nullable() }),
  Deleted: z.object({ threadId: z.string(), deleted: z.literal(true) }),
  Hydrated: z.object({
    messages: z.array(z.object({ id: z.string(), role: z.string(), parts: z.array(z.object({ type: z.string() })) })),
    activeRun: z.object({ runId: z.string() }).nullable(),
    interrupts: z.object({ runId: z.string(), pending: z.array(InterruptSchema) }).nullable(),
    page: z.object({ truncated: z.boolean() }),
  }),
  Inspected: z.object({
    messages: z.array(
      z.object({
        id: z.string(),
        role: z.string(),
        content: z.unknown().optional(),
        toolCalls: z.array(z.object({ id: z.string(), name: z.string(), args: z.string() })).optional(),
        toolCallId: z.string().optional(),
      }),
    ),
  }),
  Standing: z.object({ events: z.array(EventSchemas) }),
  State: z.object({ state: z.unknown() }),
  Thread: thread.extend({
    refused: counts.describe("Graph events that the allow-list refused in the active or last run, by name."),
    lastRun: z
      .object({
        runId: z.string(),
        outcome: z.enum(["success", "interrupt", "cancelled", "error"]),
        code: z.string().optional(),
      })
      .optional(),
    cursor: cursor.optional(),
  }),
  ThreadList: z.object({
    threads: z.array(thread),
    next: z.string().optional().describe("The `before` of the next page; absent when there is none."),
  }),
  ThreadMessages: z.object({
    threadId: z.string(),
    messages: z.array(MessageSchema),
    interrupts: z.array(InterruptSchema).optional().describe("The questions that wait for answers, if there are any."),
  }),
  NewShare: shareBody,
  ShareWithSecret: share.extend({ secret: z.string() }),
  Shares: z.object({ shares: z.array(share) }),
  ShareSecret: shareTicketBody,
  ShareTicket: z.object({ ticket: z.string(), expiresInSeconds: z.int(), threadId: z.string() }),
  Ticket: z.object({ ticket: z.string(), expiresInSeconds: z.int() }),
  Health: z.object({
    status: z.enum(["ok", "ready", "draining", "storage_unavailable"]),
    unavailable: z.array(z.string()).optional(),
  }),
  Error: z.object({ error: failure }),
  ClientFrame: z.discriminatedUnion("type", Object.values(clientFrames) as unknown as [z.ZodObject, ...z.ZodObject[]]),
  ServerFrame: z.discriminatedUnion("type", serverFrames),
  Command: z.discriminatedUnion("type", Object.values(commandSchemas) as unknown as [z.ZodObject, ...z.ZodObject[]]),
} as const satisfies Record<string, z.ZodType>;

export type ShapeName = keyof typeof SHAPES;

/** A JSON Schema. */
export type JsonSchema = { readonly [keyword: string]: unknown };

const AT = "#/components/schemas/";

export function refTo(name: ShapeName): JsonSchema {
  return { $ref: `${AT}${name}` };
}

/** All shapes except `without`, as `components.schemas` of a document. Input is described as it is before parsing. */
export function components(without: readonly ShapeName[] = []): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(SHAPES)) {
    if (!without.includes(id as ShapeName)) registry.add(schema, { id });
  }
  const { schemas } = z.toJSONSchema(registry, { io: "input", unrepresentable: "any", uri: (id) => `${AT}${id}` });
  // Shapes without a name that several schemas use are collected in one place.
  const text = JSON.stringify(schemas).replaceAll(`${AT}__shared#/$defs/`, `${AT}Shared/$defs/`);
  // AG-UI marks shapes for its own generator, with a keyword that validators of documents refuse.
  const own = (key: string, value: unknown) => (key === "specOpen" ? undefined : value);
  const { __shared, ...named } = JSON.parse(text, own) as Record<string, JsonSchema>;
  const all = __shared ? { ...named, Shared: __shared } : named;
  return Object.fromEntries(Object.entries(all).map(([name, schema]) => [name, bare(schema)]));
}

/** The parameters of a query or a path, each with its schema. */
export function propertiesOf(schema: z.ZodType): [name: string, schema: JsonSchema, required: boolean][] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return Object.entries(properties).map(([name, value]) => [name, value as JsonSchema, required.includes(name)]);
}

function bare({ $schema: _, $id: __, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
