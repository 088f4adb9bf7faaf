/** Turns on a thread over SSE, each checked by the verifiers of both client generations. */
import {
  type AguiEvent,
  EventType,
  type Interrupt,
  type Message,
  type RunAgentInput,
} from "../../../src/protocol/events.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { verifyRun } from "../../support/verify.ts";

/** Posts to an agent and gives the run's events. */
export async function turn(server: string, agent: string, input: RunAgentInput): Promise<AguiEvent[]> {
  const events = await (await postRun(server, input, `/agui/agent/${agent}/run`)).done;
  await verifyRun(events);
  return events;
}

/** Returns the status and the error of a refused start. */
export async function refusal(server: string, agent: string, input: RunAgentInput) {
  const response = await fetch(`${server}/agui/agent/${agent}/run`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(input),
  });
  const { error } = (await response.json()) as { error: { code: string; message: string; details?: unknown } };
  return { status: response.status, error };
}

/** Returns an input without a new message, such as answers or the client's state. */
export function silentInput(input: Partial<RunAgentInput>): RunAgentInput {
  return userInput("", { messages: [], ...input });
}

/** The thread as the server sends it to a client that has nothing; an unknown one has no messages. */
export async function stored(server: string, threadId: string): Promise<Message[]> {
  const answer = await fetch(`${server}/threads/${threadId}/messages`);
  const { messages = [] } = (await answer.json()) as { messages?: Message[] };
  return messages;
}

export function ofType<T extends EventType>(events: readonly AguiEvent[], type: T): Extract<AguiEvent, { type: T }>[] {
  return events.filter((event): event is Extract<AguiEvent, { type: T }> => event.type === type);
}

/** The interrupts that a run waits for. */
export function interruptsOf(events: readonly AguiEvent[]): Interrupt[] {
  const end = events.at(-1);
  return end?.type === EventType.RUN_FINISHED && end.outcome?.type === "interrupt" ? [...end.outcome.interrupts] : [];
}

/** Each message's text, by its id, in the order the messages began. */
export function textsOf(events: readonly AguiEvent[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { messageId } of ofType(events, EventType.TEXT_MESSAGE_START)) texts[messageId] = "";
  for (const { messageId, delta } of ofType(events, EventType.TEXT_MESSAGE_CONTENT)) texts[messageId] += delta;
  return texts;
}

/** The text, message by message. */
export function said(events: readonly AguiEvent[]): string[] {
  return Object.values(textsOf(events));
}
