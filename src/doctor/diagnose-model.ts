/** Judges a message that came from a model call which LangGraph reported. Pure. */
import { charactersOf, piecesOf, SHORT, streams } from "./answer.ts";
import type { Delivered, DeliveredMessage, Exchange, GraphEvidence, ModelCall } from "./evidence.ts";
import { counted, duration } from "./measures.ts";
import { arrivedOver, beganIn, exchangeRows, isStream, judgePace } from "./pace.ts";
import { type Verdict, verdict } from "./verdict.ts";

const SPREAD_MS = 150;

export function ofModel(
  answer: DeliveredMessage,
  call: ModelCall,
  graph: GraphEvidence,
  delivered: Delivered,
): Verdict[] {
  const model = `the model in node "${call.node}"`;
  if (call.cached && call.chunks.length <= 1) return [cachedAnswer(call)];
  if (answer.pieces.length > 1) {
    const found = judgePace(call.chunks, { ...call, who: model }, graph);
    if (found?.kind === "fault") return [found];
    if (call.json) return [jsonText(answer, call, delivered)];
    return [streams(answer), ...(found ? [found] : [])].sort(
      (a, b) => Number(a.kind === "note") - Number(b.kind === "note"),
    );
  }
  if (call.refused > 0) return [refusedCall(call)];
  if (call.chunks.length > 1 && graph.wholeNodes.includes(call.node)) {
    const sentence = `The model in node "${call.node}" streams, and the agent's settings put its pieces together.`;
    return [verdict("fault", "tokens-off", sentence, [...callRows(call), ["sent in", "1 piece"]])];
  }
  if (call.chunks.length === 0) return [noChunks(call, graph)];
  if (call.chunks.length > 1 && delivered.reasoning > 0) return [streams(answer)];
  if (charactersOf(answer.pieces) < SHORT) return [tooShort(answer)];
  const sentence = `The model in node "${call.node}" was asked for a stream, and answered in one piece.`;
  const rows = [...callRows(call), ...exchangesOf(call, graph).slice(-1).flatMap(exchangeRows)];
  return [verdict("fault", "one-chunk", sentence, rows)];
}

function cachedAnswer(call: ModelCall): Verdict {
  const sentence = `LangChain's cache had the answer of the model in node "${call.node}", which was not asked: a cached answer comes in one piece.`;
  return verdict("unknown", "cached-answer", sentence, callRows(call));
}

/** The model answers in JSON. If the node makes a message of it, that message is the answer, and arrives whole. */
function jsonText(answer: DeliveredMessage, call: ModelCall, delivered: Delivered): Verdict {
  const made = delivered.messages.find(
    ({ source, startedAt }) =>
      source?.node === call.node && source.runId !== call.runId && startedAt >= answer.startedAt,
  );
  const rows = [...callRows(call), ...piecesOf(answer.pieces)];
  return made
    ? structured(
        `The model in node "${call.node}" answers in JSON, which clients are shown as text; the message made of it arrives whole.`,
        rows,
      )
    : {
        ...structured(
          `The text of the model in node "${call.node}" is JSON: it streams, and readers are shown JSON.`,
          rows,
        ),
        kind: "note",
      };
}

function structured(sentence: string, rows: [string, string][]): Verdict {
  return verdict("fault", "structured-output", sentence, rows);
}

/** The message of a node whose model answered in arguments of a tool, or in JSON. */
export function fromStructured(call: ModelCall, answer: DeliveredMessage): Verdict {
  const rows: [string, string][] = [...callRows(call), ...piecesOf(answer.pieces)];
  if (call.argumentChunks.length > 0)
    rows.push(["arguments of tools in", counted(call.argumentChunks.length, "chunk")]);
  const sentence = `The model in node "${call.node}" streams its answer as ${call.json ? "JSON" : "arguments of a tool"}, and the node returns the message made of it, which arrives whole.`;
  return structured(sentence, rows);
}

/** The model call ended without a single chunk. */
export function noChunks(call: ModelCall, graph: GraphEvidence): Verdict {
  const exchange = exchangesOf(call, graph).at(-1);
  const rows = [...callRows(call), ...(exchange ? exchangeRows(exchange) : [])];
  if (call.cached) return cachedAnswer(call);
  if (exchange && isStream(exchange) && arrivedOver(exchange) >= SPREAD_MS && call.switches.length === 0) {
    const sentence = `The answer arrives at the model in node "${call.node}" as a stream, and the model reports no token of it.`;
    return verdict("fault", "tokens-not-reported", sentence, rows);
  }
  const why = call.switches.length > 0 ? `it has ${call.switches.join(" and ")}` : "it was not asked to, or it cannot";
  const sentence = `The model in node "${call.node}" does not stream: ${why}.`;
  return verdict("fault", "streaming-disabled", sentence, rows);
}

/** The model failed, and its node returned another text. */
export function swallowed(
  call: { node: string; failed: string; rows: [string, string][] },
  exchange: Exchange | undefined,
): Verdict {
  const status = exchange?.status === undefined || exchange.status < 400 ? "" : ` answered ${exchange.status}`;
  const sentence = status
    ? `The model's endpoint${status}, and node "${call.node}" said a text of its own instead: ${call.failed}`
    : `The model in node "${call.node}" could not be asked, and the node said a text of its own instead: ${call.failed}`;
  return verdict("unknown", "model-refused", sentence, [...call.rows, ...(exchange ? exchangeRows(exchange) : [])]);
}

export function refusedCall(call: ModelCall): Verdict {
  const why = {
    nostream: "it is tagged nostream or langsmith:nostream, or its metadata says emit-messages: false",
    name: "on_chat_model_stream is not among the events that may leave",
    place: "the agent's filter refuses its node, tag, name or depth",
  }[call.refusedFor ?? "name"];
  const sentence = `The model in node "${call.node}" streams, but its tokens are refused: ${why}.`;
  return verdict("fault", "events-refused", sentence, [...callRows(call), ["chunks refused", String(call.refused)]]);
}

function tooShort({ pieces }: DeliveredMessage): Verdict {
  const sentence = `The answer is too short to tell: ${counted(charactersOf(pieces), "character")} in one piece.`;
  return verdict("fault", "too-short", sentence, piecesOf(pieces));
}

export function exchangesOf(call: ModelCall, { exchanges }: GraphEvidence): Exchange[] {
  return exchanges.filter(
    ({ node, startedAt }) => (node === undefined || node === call.node) && beganIn(startedAt, call),
  );
}

export function callRows(call: ModelCall): [string, string][] {
  const lasted = call.endedAt === undefined ? "" : `${duration(call.endedAt - call.startedAt)}, `;
  const tokens = call.outputTokens === undefined ? "" : `, ${counted(call.outputTokens, "output token")}`;
  return [
    [
      `model call in "${call.node}"`,
      `${lasted}${counted(call.chunks.length, "chunk")}, ${counted(call.characters, "character")}${tokens}`,
    ],
    ...call.switches.map((name): [string, string] => ["set on the model", name]),
  ];
}
