/** Handmade evidence, for tests of the verdicts only. */
import type {
  Delivered,
  DeliveredMessage,
  Evidence,
  Exchange,
  GraphEvidence,
  ModelCall,
  NodeRun,
  Piece,
  ServerEvidence,
  Trigger,
} from "../../src/doctor/evidence.ts";

/** Returns pieces of five characters at these times, each in its own turn. */
export function pieces(times: readonly number[], trigger: Trigger = "network"): Piece[] {
  return times.map((at, turn) => ({ at, characters: 5, trigger, turn }));
}

export function every(ms: number, count: number, from: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index * ms);
}

export function delivered(messages: readonly DeliveredMessage[], rest: Partial<Delivered> = {}): Delivered {
  const tokens = messages.flatMap(({ id, pieces: all }) =>
    all.map(({ at, characters }) => ({ at, characters, span: `text ${id}` })),
  );
  return { counts: {}, messages: [...messages], tokens, reasoning: 0, snapshots: 0, endedAt: 2_000, ...rest };
}

export function message(all: Piece[], rest: Partial<DeliveredMessage> = {}): DeliveredMessage {
  return { id: "m", pieces: all, startedAt: all[0]?.at ?? 0, endedAt: all.at(-1)?.at ?? 0, ...rest };
}

export function evidence(rest: Partial<Evidence> = {}): Evidence {
  return {
    target: "graph.ts:graph",
    asked: { firstTokenMs: 10_000, timeoutMs: 60_000, expectReasoning: false, reasoningTags: ["think"] },
    end: { kind: "ended" },
    totalMs: 2_000,
    delivered: delivered([]),
    tags: { opened: 0, closed: 0 },
    ...rest,
  };
}

export function graph(rest: Partial<GraphEvidence> = {}): GraphEvidence {
  return {
    nodes: [],
    modelCalls: [],
    seenCalls: [],
    exchanges: [],
    helpers: [],
    customs: [],
    stalls: [],
    refused: {},
    wholeNodes: [],
    ...rest,
  };
}

export function node(rest: Partial<NodeRun> = {}): NodeRun {
  return { path: "chat", startedAt: 10, endedAt: 1_900, characters: 100, marks: [], returnedQuestion: false, ...rest };
}

export function call(chunks: Piece[], rest: Partial<ModelCall> = {}): ModelCall {
  return {
    runId: "call",
    node: "chat",
    startedAt: 20,
    endedAt: 1_900,
    chunks,
    characters: 100,
    switches: [],
    refused: 0,
    argumentChunks: [],
    ...rest,
  };
}

export function exchange(rest: Partial<Exchange> = {}): Exchange {
  return {
    what: "POST http://model/v1/chat/completions",
    node: "chat",
    inContext: true,
    startedAt: 30,
    status: 200,
    contentType: "text/event-stream",
    endedAt: 1_000,
    reads: [],
    ...rest,
  };
}

/** A graph whose model sent `chunks`, as its clients received them. */
export function modelRun(
  chunks: Piece[],
  rest: Partial<GraphEvidence> = {},
  ofCall: Partial<ModelCall> = {},
): Evidence {
  const source = { event: "on_chat_model_stream", runId: "call", node: "chat" };
  return evidence({
    delivered: delivered([message(chunks, { source })]),
    graph: graph({ nodes: [node()], modelCalls: [call(chunks, ofCall)], ...rest }),
  });
}

/** A graph whose node sent a whole answer when it ended. */
export function nodeRun(rest: Partial<GraphEvidence> = {}): Evidence {
  const source = { event: "on_chain_end", runId: "node", node: "chat" };
  const whole = [{ at: 1_900, characters: 100, trigger: "network" as const, turn: 1 }];
  return evidence({ delivered: delivered([message(whole, { source })]), graph: graph({ nodes: [node()], ...rest }) });
}

export function serverRun(
  messages: readonly DeliveredMessage[],
  rest: Partial<ServerEvidence> = {},
  changes: Partial<Delivered> = {},
): Evidence {
  const arrivals = [{ type: "RUN_STARTED", at: 5 }];
  const server: ServerEvidence = {
    url: "http://server/agui",
    transport: "sse",
    reached: true,
    status: 200,
    arrivals,
    foreign: 0,
    framing: "sse",
    runs: 1,
    ...rest,
    headers: { "content-type": "text/event-stream", ...rest.headers },
  };
  return evidence({ delivered: delivered(messages, changes), server });
}
