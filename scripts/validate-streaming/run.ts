/** One run, recorded as it arrives and judged when it is over. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type AGUIEvent, EventType } from "@ag-ui/core";
import { type Check, judgeSpread, type Spread, type Token } from "../../src/doctor/spread.ts";
import { openLine, type Transport } from "../line.ts";
import { Sequence } from "./sequence.ts";

export interface RunOptions {
  readonly url: string;
  readonly agent: string | undefined;
  readonly message: string;
  readonly transport: Transport;
  /** How long the run may take, in milliseconds. */
  readonly timeoutMs: number;
}

export interface Report {
  readonly events: number;
  /** Milliseconds from asking to the first event, whatever it is. */
  readonly firstEventMs: number;
  readonly spread: Spread;
  readonly checks: readonly Check[];
  readonly passed: boolean;
}

/** How long to listen for events that come after the end of the run. */
const AFTERMATH_MS = 250;
const PROBLEMS_SHOWN = 5;

/** @throws Error when there is no line to the server, or it breaks off before the first event. */
export async function validate({ url, agent, message, transport, timeoutMs }: RunOptions): Promise<Report> {
  const threadId = randomUUID();
  const sequence = new Sequence();
  const tokens: Token[] = [];
  let events = 0;
  let firstEventMs = Number.NaN;
  let asked = 0;
  let ended = false;
  let end: (reason?: string) => void = () => {};
  const over = new Promise<string | undefined>((resolve) => {
    end = resolve;
  });
  const line = await openLine(
    transport,
    { url, agent, threadId },
    {
      event(json, _bytes, at) {
        events += 1;
        if (events === 1) firstEventMs = at - asked;
        const event = sequence.push(json);
        const token = event && tokenOf(event, at - asked);
        if (token) tokens.push(token);
        if (sequence.terminal) end();
      },
      ended(reason) {
        ended = true;
        end(reason);
      },
    },
  );
  asked = performance.now();
  line.start({
    threadId,
    runId: randomUUID(),
    messages: [{ id: randomUUID(), role: "user", content: message }],
    tools: [],
    context: [],
  });
  const timer = setTimeout(() => end(`The run was not over after ${timeoutMs / 1_000} s.`), timeoutMs);
  const broken = await over;
  clearTimeout(timer);
  if (sequence.terminal && !ended) await delay(AFTERMATH_MS);
  line.close();
  if (events === 0) throw new Error(broken ?? "The server ended the response without a single event.");

  sequence.end();
  const spread = judgeSpread(tokens);
  const checks = [complete(sequence, broken), legal(sequence, events), ...spread.checks];
  return { events, firstEventMs, spread, checks, passed: checks.every(({ passed }) => passed) };
}

/** The piece of a message in an event. Pieces without text say nothing about the pace. */
function tokenOf(event: AGUIEvent, at: number): Token | undefined {
  switch (event.type) {
    case EventType.TEXT_MESSAGE_CONTENT:
    case EventType.TEXT_MESSAGE_CHUNK:
      return token(`text ${event.messageId}`, event.delta, at);
    case EventType.REASONING_MESSAGE_CONTENT:
    case EventType.REASONING_MESSAGE_CHUNK:
      return token(`reasoning ${event.messageId}`, event.delta, at);
    case EventType.TOOL_CALL_ARGS:
    case EventType.TOOL_CALL_CHUNK:
      return token(`tool call ${event.toolCallId}`, event.delta, at);
    default:
      return undefined;
  }
}

function token(span: string, delta: string | undefined, at: number): Token | undefined {
  return delta ? { span, characters: delta.length, at } : undefined;
}

function complete({ terminal }: Sequence, broken: string | undefined): Check {
  const name = "the run ended well";
  if (!terminal) return { name, passed: false, found: broken ?? "the line ended before the run" };
  if (terminal.type !== EventType.RUN_ERROR) return { name, passed: true, found: "RUN_FINISHED" };
  return { name, passed: false, found: `RUN_ERROR ${terminal.code ?? ""}: ${terminal.message}` };
}

function legal({ problems }: Sequence, events: number): Check {
  const more = problems.length > PROBLEMS_SHOWN ? [`and ${problems.length - PROBLEMS_SHOWN} more`] : [];
  return {
    name: "a legal AG-UI sequence",
    passed: problems.length === 0,
    found: [...problems.slice(0, PROBLEMS_SHOWN), ...more].join("; ") || `${events} events`,
  };
}
