/** What the evidence of a graph that ran here says. Pure. */
import { answerOf, charactersOf, piecesOf, SHORT, streams } from "./answer.ts";
import type { CustomSeries, Evidence, Exchange, GraphEvidence, ModelCall, NodeRun, ToldMessage } from "./evidence.ts";
import { counted, duration } from "./figures.ts";
import { arrivedOver, exchangeRows, judgePace, stalledMs } from "./pace.ts";
import { type Verdict, verdict } from "./verdict.ts";

const MANY = 5;
/** A node that stood still for this part of its time did something synchronous. */
const STOOD_STILL = { share: 0.5, ms: 150 };
const SPREAD_MS = 150;

export function diagnoseGraph(evidence: Evidence, graph: GraphEvidence): Verdict[] {
  const failed = failure(evidence, graph);
  if (failed) return [failed];
  const answer = answerOf(evidence);
  if (!answer) return nothingTold(evidence, graph);
  const call = graph.modelCalls.find(({ runId }) => runId === answer.source?.runId);
  if (call) return ofModel(answer, call, graph);
  const node = graph.nodes.findLast(({ path }) => path === answer.source?.node);
  return node ? ofNode(node, answer, graph) : [finishedText(answer, answer.source?.node ?? "")];
}

function failure({ end, asked, told }: Evidence, graph: GraphEvidence): Verdict | undefined {
  if (end.kind === "ended") return undefined;
  const atWork = graph.nodes.filter(({ endedAt }) => endedAt === undefined).map(({ path }) => path);
  const rows: [string, string][] = [
    ["at work", atWork.join(", ") || "no node"],
    ["tokens until then", String(told.tokens.length)],
    ...graph.exchanges.slice(-1).flatMap(exchangeRows),
  ];
  if (end.kind === "timed-out") {
    return verdict("fault", "timed-out", `The graph was not through after ${duration(asked.timeoutMs)}.`, rows);
  }
  const refusal = graph.exchanges.findLast(({ status = 0 }) => status >= 400);
  if (refusal && (end.byModel || refusal.inContext)) {
    const sentence = `The model's endpoint answered ${refusal.status}: ${end.message}`;
    return verdict("fault", "model-refused", sentence, [["error", end.message], ...exchangeRows(refusal)]);
  }
  if (end.byModel || aboutKeys(end.message)) {
    return verdict("fault", "model-refused", `The model could not be asked: ${end.message}`, rows);
  }
  return verdict("fault", "run-failed", `The graph failed: ${end.message}`, rows);
}

/** Is this error's text about a key that is missing or wrong? */
export function aboutKeys(message: string): boolean {
  return /api[-_ ]?key|credentials/i.test(message);
}

/** The answer came from a model call that LangGraph told of. */
function ofModel(answer: ToldMessage, call: ModelCall, graph: GraphEvidence): Verdict[] {
  const who = `the model in node "${call.node}"`;
  if (answer.pieces.length > 1) {
    const found = judgePace(call.chunks, { ...call, who }, graph);
    return found?.kind === "fault" ? [found] : [streams(answer), ...(found ? [found] : [])];
  }
  if (call.refused > 0) return [refusedCall(call)];
  if (call.chunks.length > 1) {
    const sentence = `The model in node "${call.node}" streams, and the agent's settings put its pieces together.`;
    return [verdict("fault", "tokens-off", sentence, [...callRows(call), ["told in", "1 piece"]])];
  }
  if (call.chunks.length === 0) return [noChunks(call, graph)];
  if (charactersOf(answer.pieces) < SHORT) return [tooShort(answer)];
  const sentence = `The model in node "${call.node}" was asked for a stream, and answered in one piece.`;
  return [verdict("fault", "one-chunk", sentence, [...callRows(call), ...answerRows(call, graph)])];
}

/** The answer came from a node that ended. */
function ofNode(node: NodeRun, answer: ToldMessage, graph: GraphEvidence): Verdict[] {
  const inside = (path: string | undefined) => path === node.path || path?.startsWith(`${node.path}/`);
  const call = graph.modelCalls.findLast((one) => inside(one.node));
  if (call?.refused) return [refusedCall(call)];
  if (call && call.chunks.length === 0) return [noChunks(call, graph)];
  if (call) return [streamedAndRepeated(call, answer)];
  const written = ofCustoms(
    graph.customs.filter((series) => series.node === node.path && series.isAnswer),
    graph,
  );
  if (written.length > 0) return written;
  const rows = nodeRows(node, answer);
  const known = new Set(graph.nodes.map(({ path }) => path));
  const unseen = graph.exchanges.find((exchange) => inside(exchange.node) && !known.has(exchange.node ?? ""));
  if (unseen) {
    const sentence = `Node "${node.path}" runs a graph of its own where no events come from, and passes on its finished state: node "${unseen.node}" asked for the answer unseen.`;
    return [verdict("fault", "state-snapshots", sentence, [...rows, ...exchangeRows(unseen)])];
  }
  const exchange = exchangesIn(node, graph).findLast(({ what }) => what.startsWith("POST"));
  const helper = graph.helpers.find((one) => one.node === node.path);
  const stalled = stalledMs(graph, node.startedAt, node.endedAt ?? node.startedAt);
  const lasted = (node.endedAt ?? node.startedAt) - node.startedAt;
  const stoodStill = stalled >= Math.max(lasted * STOOD_STILL.share, STOOD_STILL.ms);
  if (node.marks.length > 0 || exchange || helper || stoodStill) {
    return [unseenCall(node, rows, { exchange, helper: helper?.kind, stalled: stoodStill ? stalled : 0 })];
  }
  if (node.returnedQuestion) {
    const sentence = `Node "${node.path}" returned a whole state, question included: this looks like another graph whose finished state it passes on.`;
    return [verdict("fault", "state-snapshots", sentence, rows)];
  }
  return [finishedText(answer, node.path, rows)];
}

function unseenCall(
  node: NodeRun,
  rows: [string, string][],
  { exchange, helper, stalled }: { exchange: Exchange | undefined; helper: string | undefined; stalled: number },
): Verdict {
  const found: [string, string][] = [["model events of this node", "none"]];
  if (node.marks.length > 0) found.push(["its message carries", node.marks.join(", ")]);
  if (helper) found.push(["it started", `a ${helper}`]);
  if (stalled > 0) found.push(["it stood still for", duration(stalled)]);
  if (exchange) found.push(...exchangeRows(exchange));
  // Marks are left by a model. Without them it is only likely that this was one.
  const looks = node.marks.length > 0 ? "" : "It looks as if ";
  const where = helper
    ? `in a ${helper}, where no callbacks reach it`
    : stalled > 0 && !exchange
      ? "in a way that blocks this process, where no callbacks reach it"
      : exchange && !exchange.inContext
        ? "where the graph's async context was lost, so that no callbacks reach it"
        : "with its callbacks replaced or left out";
  const sentence = `${looks}${looks ? "node" : "Node"} "${node.path}" calls a model ${where}.`;
  return verdict("fault", "unseen-model-call", sentence, [...rows, ...found]);
}

/** The model was called and ended, and not one chunk came in between. */
function noChunks(call: ModelCall, graph: GraphEvidence): Verdict {
  const exchange = exchangesOf(call, graph).at(-1);
  const streamed = /event-?stream/i.test(exchange?.contentType ?? "");
  const rows = [...callRows(call), ...(exchange ? exchangeRows(exchange) : [])];
  if (exchange && streamed && arrivedOver(exchange) >= SPREAD_MS && call.switches.length === 0) {
    const sentence = `The answer arrives at the model in node "${call.node}" as a stream, and the model reports no token of it.`;
    return verdict("fault", "tokens-not-reported", sentence, rows);
  }
  const why = call.switches.length > 0 ? `it has ${call.switches.join(" and ")}` : "it was not asked to, or it cannot";
  const sentence = `The model in node "${call.node}" does not stream: ${why}.`;
  return verdict("fault", "streaming-disabled", sentence, rows);
}

function refusedCall(call: ModelCall): Verdict {
  const why = {
    nostream: "it is tagged nostream or langsmith:nostream, or its metadata says emit-messages: false",
    name: "on_chat_model_stream is not among the events that may leave",
    place: "the agent's filter refuses its node, tag, name or depth",
  }[call.refusedFor ?? "name"];
  const sentence = `The model in node "${call.node}" streams, but its tokens are refused: ${why}.`;
  return verdict("fault", "events-refused", sentence, [...callRows(call), ["chunks refused", String(call.refused)]]);
}

/** The node told a message of its own beside the one that streamed. */
function streamedAndRepeated(call: ModelCall, answer: ToldMessage): Verdict {
  const sentence = `The model in node "${call.node}" streams, but the node returns another, longer message, which arrives whole.`;
  return verdict("fault", "finished-text", sentence, [...callRows(call), ...piecesOf(answer.pieces)]);
}

function finishedText(answer: ToldMessage, node: string, rows: [string, string][] = piecesOf(answer.pieces)): Verdict {
  const sentence = `Node "${node}" returns finished text: no model call was seen in it, nor a request.`;
  return verdict("fault", "finished-text", sentence, [...rows, ["model events of this node", "none"]]);
}

function tooShort({ pieces }: ToldMessage): Verdict {
  const sentence = `The answer is too short to tell: ${counted(charactersOf(pieces), "character")} in one piece.`;
  return verdict("fault", "too-short", sentence, piecesOf(pieces));
}

/** Custom events that carry the answer, piece by piece. */
function ofCustoms(customs: readonly CustomSeries[], graph: GraphEvidence): Verdict[] {
  const series = customs
    .filter(({ pieces }) => pieces.length >= MANY)
    .toSorted((a, b) => charactersOf(b.pieces) - charactersOf(a.pieces))[0];
  if (!series) return [];
  const { node, name, pieces } = series;
  const startedAt = graph.nodes.findLast(({ path }) => path === node)?.startedAt ?? 0;
  const found = judgePace(pieces, { node, startedAt, who: `node "${node}"` }, graph);
  const rows: [string, string][] = [[`CUSTOM ${name}`, counted(pieces.length, "event")]];
  if (found?.kind === "fault") return [{ ...found, evidence: [...rows, ...found.evidence] }];
  const sentence = `Node "${node}" tells its tokens as CUSTOM events, and the message itself only when it is finished.`;
  return [verdict("fault", "custom-tokens", sentence, [...rows, ...piecesOf(pieces)])];
}

function nothingTold({ told }: Evidence, graph: GraphEvidence): Verdict[] {
  const call = graph.modelCalls.findLast(({ refused }) => refused > 0);
  if (call) return [refusedCall(call)];
  const node = graph.nodes.findLast(({ characters }) => characters > 0);
  const written = ofCustoms(graph.customs, graph);
  if (written.length > 0) return written;
  if (told.interrupted) {
    return [verdict("fault", "interrupted", "The graph stopped to ask before it said anything.", [])];
  }
  const refused = Object.entries(graph.refused).map(([name, count]): [string, string] => [
    `${name} refused`,
    `${count}`,
  ]);
  if (node && graph.refused.on_chain_end) {
    const sentence = `What node "${node.path}" said was refused: neither its tokens nor its end may leave.`;
    return [verdict("fault", "events-refused", sentence, refused)];
  }
  const rows: [string, string][] = [
    ["nodes", graph.nodes.map(({ path }) => path).join(", ") || "none"],
    ["model calls", String(graph.modelCalls.length)],
  ];
  return [verdict("fault", "no-text", "The run ended well, and nothing was said.", rows)];
}

function exchangesIn(node: NodeRun, { exchanges }: GraphEvidence): Exchange[] {
  const within = ({ startedAt }: Exchange) => startedAt >= node.startedAt && startedAt <= (node.endedAt ?? startedAt);
  return exchanges.filter((one) => within(one) && (one.node === undefined || one.node === node.path));
}

function exchangesOf(call: ModelCall, { exchanges }: GraphEvidence): Exchange[] {
  return exchanges.filter(
    ({ node, startedAt }) =>
      (node === undefined || node === call.node) &&
      startedAt >= call.startedAt &&
      startedAt <= (call.endedAt ?? startedAt),
  );
}

function answerRows(call: ModelCall, graph: GraphEvidence): [string, string][] {
  return exchangesOf(call, graph).slice(-1).flatMap(exchangeRows);
}

function callRows(call: ModelCall): [string, string][] {
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

function nodeRows({ path, startedAt, endedAt }: NodeRun, answer: ToldMessage): [string, string][] {
  const lasted = endedAt === undefined ? "did not end" : duration(endedAt - startedAt);
  return [[`node "${path}"`, lasted], ...piecesOf(answer.pieces).slice(0, 1)];
}
