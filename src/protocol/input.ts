/** Checks what clients send to start a run. Unknown members are ignored, as AG-UI asks of a consumer. */
import { RunAgentInputSchema } from "@ag-ui/core/schemas";
import { z } from "zod";
import { type AllowListSpec, eventPatterns } from "./allow-list-spec.ts";
import { SluiceError } from "./errors.ts";
import type { Context, RunAgentInput, Tool } from "./events.ts";
import { checkId } from "./ids.ts";
import { shown } from "./text.ts";

const progressError = { error: "must be true, false, or the seconds between two reports, from 0.1 to 3600" };

/** The progress reports of a run: none, at the usual pace, or this many seconds apart. */
export const progressOption = z.union(
  [z.boolean(), z.number().min(0.1, progressError).max(3_600, progressError)],
  progressError,
);

/**
 * Requests of a run to Sluice itself: `forwardedProps.sluice`. They can narrow the graph's events, and never widen
 * them.
 */
export const runOptions = z
  .object({
    /** Event names that may leave, within what the agent admits. */
    events: eventPatterns.optional(),
    /** `false`: each message arrives once, whole. */
    tokens: z.boolean().optional(),
    /** `false`: no reasoning leaves. */
    reasoning: z.boolean().optional(),
    /** Seconds this run goes on when nobody follows it any more. */
    graceSeconds: z.number().min(0).max(86_400).optional(),
    /** `true`: this run needs no reader, and goes on without any until its end or a deadline. */
    background: z.boolean().optional(),
    /** `true`: the new messages go into the run that is active, and no run starts. Only `POST /agui` accepts it. */
    inject: z.boolean().optional(),
    /** `sluice.progress` events. */
    progress: progressOption.optional(),
  })
  .refine(({ background, graceSeconds }) => !background || graceSeconds === undefined, {
    path: ["graceSeconds"],
    error: "a run in the background goes on without readers. Leave one of the two out",
  });

export type RunOptions = z.infer<typeof runOptions>;

/**
 * A `RunAgentInput` from anything a client sent.
 * @throws SluiceError `bad_request` that names the first field that is wrong.
 */
export function parseRunAgentInput(value: unknown): RunAgentInput {
  checkDepth("RunAgentInput", value);
  const parsed = RunAgentInputSchema.safeParse(withoutBinaryParts(value));
  if (!parsed.success) throw invalid("RunAgentInput", parsed.error);
  const input: RunAgentInput = parsed.data as RunAgentInput;
  checkId("threadId", input.threadId);
  checkId("runId", input.runId);
  return input;
}

/** @throws SluiceError `bad_request` when `forwardedProps.sluice` is there and not valid. */
export function parseRunOptions(input: RunAgentInput): RunOptions {
  const forwarded: unknown = input.forwardedProps;
  if (!isRecord(forwarded) || forwarded.sluice === undefined) return {};
  return parseWith(runOptions, forwarded.sluice, "forwardedProps.sluice");
}

/**
 * The values that a client asks the graph to find in its `runtime.context`.
 * @throws SluiceError `bad_request` when `forwardedProps.context` is there and no object.
 */
export function clientContext(input: RunAgentInput): Readonly<Record<string, unknown>> {
  const forwarded: unknown = input.forwardedProps;
  if (!isRecord(forwarded) || forwarded.context === undefined) return {};
  return parseWith(z.record(z.string(), z.json()), forwarded.context, "forwardedProps.context");
}

/** Things that a client brings for the graph. */
export interface Offered {
  readonly tools: readonly Tool[];
  readonly context: readonly Context[];
  /** Which of the tools the model is to call, in its provider's words. */
  readonly toolChoice?: unknown;
  /** The tool that draws A2UI surfaces is among the tools: `true`, or its name. (Source: `@ag-ui/a2ui-middleware`.) */
  readonly injectA2UITool?: boolean | string;
}

/** @throws SluiceError `bad_request` when `forwardedProps.toolChoice` is neither a text nor an object. */
export function offeredIn({ tools = [], context = [], forwardedProps }: RunAgentInput): Offered {
  const { toolChoice: choice, injectA2UITool: a2ui } = isRecord(forwardedProps) ? forwardedProps : {};
  return {
    tools,
    context,
    ...(choice === undefined || choice === null
      ? {}
      : { toolChoice: parseWith(toolChoice, choice, "forwardedProps.toolChoice") }),
    ...(typeof a2ui === "boolean" || typeof a2ui === "string" ? { injectA2UITool: a2ui } : {}),
  };
}

const toolChoice = z.union([z.string(), z.record(z.string(), z.json())], { error: "must be a text or an object" });

/** The body of `POST /chat`. */
export const chatBody = z.object({
  message: z.string().min(1),
  threadId: z.string().optional(),
  agent: z.string().optional(),
});

/** @throws SluiceError `bad_request` that names what is wrong in `subject`. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, subject: string): T {
  checkDepth(subject, value);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(subject, parsed.error);
}

/** The most levels of objects and lists. Later code walks values by recursion. */
const MAX_DEPTH = 64;

/** Walks level by level, because recursion would fail on a value that is too deep. */
function checkDepth(subject: string, value: unknown): void {
  let level = [value].filter(isNest);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === MAX_DEPTH)
      throw new SluiceError("bad_request", `${subject}: nested deeper than ${MAX_DEPTH} levels.`);
    level = level.flatMap((nest) => Object.values(nest).filter(isNest));
  }
}

function isNest(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The events a run or a connection asked for, as an allow-list spec. */
export function narrowingTo(events: readonly string[] | undefined): AllowListSpec | undefined {
  return events ? { events: [...events] } : undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Clients before 1.0 send files as `binary` parts; protocol 1.0 has a part for each kind. */
function withoutBinaryParts(value: unknown): unknown {
  if (!isRecord(value) || !Array.isArray(value.messages)) return value;
  const messages = value.messages.map((message: unknown) =>
    isRecord(message) && Array.isArray(message.content)
      ? { ...message, content: message.content.map(upgradePart) }
      : message,
  );
  return { ...value, messages };
}

function upgradePart(part: unknown): unknown {
  if (!isRecord(part) || part.type !== "binary" || typeof part.mimeType !== "string") return part;
  const { mimeType, data, url, filename } = part;
  const kind = mimeType.split("/")[0] ?? "";
  const source = data === undefined ? { type: "url", value: url, mimeType } : { type: "data", value: data, mimeType };
  return {
    type: ["image", "audio", "video"].includes(kind) ? kind : "document",
    source,
    ...(filename === undefined ? {} : { metadata: { filename } }),
  };
}

function invalid(subject: string, error: z.core.$ZodError): SluiceError {
  const issue = error.issues[0];
  const path = shown(issue?.path.join(".") ?? "");
  return new SluiceError(
    "bad_request",
    `${subject}${path ? `, field ${path}` : ""}: ${shown(issue ? complaint(issue) : "is not valid")}.`,
  );
}

/** The validator's own sentence for a wrong type ("expected nonoptional, received undefined") names no remedy. */
function complaint(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_type") return issue.message;
  const received = /received (\w+)$/.exec(issue.message)?.[1];
  if (received === undefined) return issue.message; // a sentence of our own
  // The validator's word for a field that may hold anything, but must be there.
  const any = (issue.expected as string) === "nonoptional";
  const remedy = any ? "" : `must be ${withArticle(issue.expected)}`;
  if (received === "undefined") return any ? "is missing" : `is missing, ${remedy}`;
  return any ? "is not valid" : `${remedy}, not ${withArticle(received)}`;
}

function withArticle(type: string): string {
  if (type === "null" || type === "NaN") return type;
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}
