/**
 * Everything a client may send over a WebSocket: a line, a `RunAgentInput`, a command, or a slash command for people.
 */
import { z } from "zod";
import { SluiceError } from "./errors.ts";
import { fromCommand, type InjectedMessage, injected } from "./injected.ts";
import { isRecord, parseWith } from "./input.ts";
import { parseJson } from "./json-text.ts";
import { shown } from "./text.ts";

export type ClientCommand =
  | { readonly type: "message"; readonly text: string }
  | { readonly type: "run"; readonly agent: string | undefined; readonly input: unknown }
  | { readonly type: "cancel"; readonly threadId: string | undefined; readonly runId: string | undefined }
  | { readonly type: "inject"; readonly threadId: string | undefined; readonly message: InjectedMessage }
  | { readonly type: "resume"; readonly payload: unknown; readonly interruptId: string | undefined }
  | { readonly type: "thread"; readonly threadId: string }
  | { readonly type: "agent"; readonly agent: string }
  | { readonly type: "ping" }
  | { readonly type: "help" };

/** The schema of each command, by its type. */
export const commandSchemas = {
  run: z.object({ type: z.literal("run"), agent: z.string().optional(), input: z.unknown() }),
  cancel: z.object({ type: z.literal("cancel"), threadId: z.string().optional(), runId: z.string().optional() }),
  // TanStack AI's name for `cancel`.
  abort: z.object({ type: z.literal("abort"), runId: z.string().optional() }),
  inject: z.object({ type: z.literal("inject"), threadId: z.string().optional(), message: injected }),
  resume: z.object({ type: z.literal("resume"), payload: z.unknown(), interruptId: z.string().optional() }),
  ping: z.object({ type: z.literal("ping") }),
} as const;

export const HELP = [
  "Type a line: it is a message to the agent.",
  "/inject text       send a message into the run that is active",
  "/cancel            stop the run",
  "/approve [text]    answer yes to all that the agent asks",
  "/reject [text]     answer no to all of it",
  "/thread T          go to thread T",
  "/agent A           talk to agent A",
  "/help              this",
  'JSON: an AG-UI RunAgentInput, or {"type":"run"|"inject"|"cancel"|"resume"|"ping", ...}.',
].join("\n");

/**
 * The command in a text message.
 * @throws SluiceError `bad_request` that says what is wrong and what is valid. The text is not repeated. Errors of
 * `check`, which gets each JSON value, are passed on.
 */
export function parseCommand(text: string, check: (value: unknown) => void = () => {}): ClientCommand {
  const line = text.trim();
  if (line === "") throw new SluiceError("bad_request", "The message is empty. Type a line, or /help.");
  if (line.startsWith("{")) return parseObject(line, check);
  if (line.startsWith("/")) return parseSlash(line);
  return { type: "message", text: line };
}

function parseObject(json: string, check: (value: unknown) => void): ClientCommand {
  let value: unknown;
  try {
    value = parseJson(json);
  } catch {
    throw new SluiceError("bad_request", "A message that starts with { must be JSON, and this is not.");
  }
  check(value);
  if (!isRecord(value)) throw new SluiceError("bad_request", "A message that starts with { must be one JSON object.");
  switch (value.type) {
    case undefined:
      return { type: "run", agent: undefined, input: value };
    case "run": {
      const { agent, input } = parseWith(commandSchemas.run, value, "run");
      return { type: "run", agent, input };
    }
    case "cancel": {
      const { threadId, runId } = parseWith(commandSchemas.cancel, value, "cancel");
      return { type: "cancel", threadId, runId };
    }
    case "abort":
      return { type: "cancel", threadId: undefined, runId: parseWith(commandSchemas.abort, value, "abort").runId };
    case "inject": {
      const { threadId, message } = parseWith(commandSchemas.inject, value, "inject");
      return { type: "inject", threadId, message: fromCommand(message) };
    }
    case "resume": {
      const { payload, interruptId } = parseWith(commandSchemas.resume, value, "resume");
      return { type: "resume", payload, interruptId };
    }
    case "ping":
      return { type: "ping" };
    default:
      throw new SluiceError(
        "bad_request",
        "The type of this command is unknown; valid are run, inject, cancel, resume and ping.",
      );
  }
}

function parseSlash(line: string): ClientCommand {
  const [name = "", ...rest] = line.split(/\s+/);
  const argument = rest.join(" ");
  const need = (what: string) => {
    if (argument !== "") return argument;
    throw new SluiceError("bad_request", `${shown(name)} needs ${what}, like ${name} one.`);
  };
  const answer = (approved: boolean) => ({ approved, ...(argument ? { text: argument } : {}) });
  switch (name) {
    case "/cancel":
      return { type: "cancel", threadId: argument || undefined, runId: undefined };
    case "/inject":
      need("a message");
      return { type: "inject", threadId: undefined, message: fromCommand(line.slice(name.length).trim()) };
    case "/approve":
      return { type: "resume", payload: answer(true), interruptId: undefined };
    case "/reject":
      return { type: "resume", payload: answer(false), interruptId: undefined };
    case "/thread":
      return { type: "thread", threadId: need("a thread's id") };
    case "/agent":
      return { type: "agent", agent: need("an agent's name") };
    case "/help":
      return { type: "help" };
    default:
      throw new SluiceError("bad_request", "Unknown command. /help lists the known ones.");
  }
}
