/** Runs of real graphs inside graphs, and readable lines of their events. */
import { AIMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ADMIT_ALL, type AllowList } from "../../src/graph/allow-list.ts";
import { openRun, type ServedGraph } from "../../src/graph/source.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import type { RunEnd } from "../../src/translate/translator.ts";
import { TEST_SOURCE } from "../support/stream-source.ts";
import { verifyRun } from "../support/verify.ts";
import { DONE, translate } from "./events.ts";

type Answers = Readonly<Record<string, unknown>>;

export async function recorded(graph: object, answers?: Answers, subagents?: boolean): Promise<GraphEvent[]> {
  const messages = [{ id: "u", role: "user" as const, content: "hi" }];
  const request = {
    agent: "agent",
    threadId: "t",
    runId: "r",
    input: answers
      ? { kind: "resume" as const, answers, messages: [] }
      : { kind: "messages" as const, messages, state: {} },
    checkpointId: undefined,
    offered: { tools: [], context: [] },
    stateKeys: [],
    configurable: {},
    ...(subagents === undefined ? {} : { subagents }),
  };
  const options = { version: "v2" as const, source: TEST_SOURCE };
  const run = openRun(graph as ServedGraph, request, new AbortController().signal, options);
  const events: GraphEvent[] = [];
  await run.read((event) => events.push(event)).catch(() => {});
  return events;
}

/** The run's events, legal for both generations of clients. */
export async function sentBy(graph: object, end: RunEnd = DONE, list: AllowList = ADMIT_ALL): Promise<AguiEvent[]> {
  const events = translate(await recorded(graph), { subagents: true, end, allowList: list });
  await verifyRun(events);
  return events;
}

/** A line for each event that is not a delta: its type, what it is about, and the name of its subagent. */
export function lines(events: readonly AguiEvent[]): string[] {
  const names = new Map<string, string>();
  return events.flatMap((event) => {
    if (event.type === EventType.SUBAGENT_STARTED) names.set(event.subagentRunId, event.name);
    const owner = "subagentRunId" in event ? names.get(event.subagentRunId ?? "") : undefined;
    const about = "stepName" in event ? event.stepName : "toolCallId" in event ? event.toolCallId : "";
    if (/RUN_|CUSTOM|_ARGS|TEXT_MESSAGE_CONTENT|TOOL_CALL_END/.test(event.type)) return [];
    return [[event.type, about, owner && `(${owner})`].filter(Boolean).join(" ")];
  });
}

export function started(events: readonly AguiEvent[]) {
  return events.filter((event) => event.type === EventType.SUBAGENT_STARTED);
}

/** A graph of one node, which says a text. */
export function saying(text: string) {
  const say = async () => ({ messages: [await new FakeListChatModel({ responses: [text] }).invoke("")] });
  return new StateGraph(MessagesAnnotation).addNode("write", say).addEdge(START, "write").compile();
}

export function calling(...calls: { id: string; name: string }[]) {
  const tool_calls = calls.map((call) => ({ ...call, args: {}, type: "tool_call" as const }));
  return () => ({ messages: [new AIMessage({ id: "asks", content: "", tool_calls })] });
}
