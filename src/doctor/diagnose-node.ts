/** Judges a message that a node returned when it ended. Pure. */
import { charactersOf, piecesOf } from "./answer.ts";
import { callRows, fromStructured, noChunks, refusedCall, swallowed } from "./diagnose-model.ts";
import type {
  CustomSeries,
  DeliveredMessage,
  Exchange,
  GraphEvidence,
  Helper,
  ModelCall,
  NodeRun,
  SeenCall,
} from "./evidence.ts";
import { counted, duration } from "./measures.ts";
import { beganIn, exchangeRows, judgePace, stalledMs } from "./pace.ts";
import { type Verdict, verdict } from "./verdict.ts";

const MANY = 5;
/** Services that take POST requests but return no text of a model. */
const NO_MODEL = /embed|rerank|search|query|retriev|vector|graphql|token(s|ize)?$|webhook|log/i;
/** The name of the callback handler of `streamEvents`. */
const EVENT_STREAM = /event_?stream/i;

export function ofNode(node: NodeRun, answer: DeliveredMessage, graph: GraphEvidence): Verdict[] {
  const inside = (path: string | undefined) => path === node.path || path?.startsWith(`${node.path}/`);
  const { saidBy } = answer;
  const reported = graph.modelCalls.filter((one) => inside(one.node));
  const own = graph.customs.filter((series) => series.node === node.path && series.isAnswer);
  if (saidBy === undefined || saidBy.runId === undefined) {
    const written = ofCustoms(own, graph);
    if (written.length > 0) return written;
  }
  if (saidBy && saidBy.runId === undefined) return [unseenCall(saidBy, node.path, answer, graph, node)];
  const call = reported.findLast((one) => one.runId === saidBy?.runId) ?? reported.at(-1);
  if (call) return [ofReported(call, answer, graph)];
  const written = ofCustoms(own, graph);
  if (written.length > 0) return written;
  const calls = graph.seenCalls.filter((one) => !one.inside && one.runId === undefined && isOf(one, node, inside));
  const unseen = calls.findLast(({ failed }) => failed === undefined);
  if (unseen) return [unseenCall(unseen, node.path, answer, graph, node)];
  const failed = calls.find((one) => one.failed !== undefined);
  if (failed)
    return [
      swallowed({ node: node.path, failed: failed.failed ?? "", rows: seenRows(failed) }, refusalIn(node, graph)),
    ];
  return [withoutCall(node, answer, graph, inside)];
}

function isOf(
  { node: path, startedAt }: SeenCall,
  node: NodeRun,
  inside: (path: string | undefined) => boolean | undefined,
): boolean {
  if (path !== undefined) return inside(path) === true;
  return beganIn(startedAt, node);
}

/** LangGraph reported a model call in the node, but the message is not the text that this call streamed. */
function ofReported(call: ModelCall, answer: DeliveredMessage, graph: GraphEvidence): Verdict {
  if (call.refused) return refusedCall(call);
  if (call.failed !== undefined) {
    const refusal = graph.exchanges.findLast(({ node, status = 0 }) => node === call.node && status >= 400);
    return swallowed({ node: call.node, failed: call.failed, rows: callRows(call) }, refusal);
  }
  if (call.json || call.argumentChunks.length > 0) return fromStructured(call, answer);
  if (call.chunks.length === 0) return noChunks(call, graph);
  const sentence = `The model in node "${call.node}" streams, but the node returns another, longer message, which arrives whole.`;
  return verdict("fault", "finished-text", sentence, [...callRows(call), ...piecesOf(answer.pieces)]);
}

/** No model class saw a call in the node. It called a model in another way, or no model. */
function withoutCall(
  node: NodeRun,
  answer: DeliveredMessage,
  graph: GraphEvidence,
  inside: (path: string | undefined) => boolean | undefined,
): Verdict {
  const rows = nodeRows(node, answer);
  const known = new Set(graph.nodes.map(({ path }) => path));
  const unseen = graph.exchanges.find((exchange) => inside(exchange.node) && !known.has(exchange.node ?? ""));
  if (unseen) return innerGraph(node.path, unseen.node ?? "", [...rows, ...exchangeRows(unseen)]);
  const refusal = refusalIn(node, graph);
  if (refusal && isModel(refusal)) {
    const failed = "it asked for the answer itself";
    return swallowed({ node: node.path, failed, rows }, refusal);
  }
  const exchange = exchangesIn(node, graph).findLast(isModel);
  const helper = graph.helpers.find((one) => one.node === node.path);
  if (node.marks.length > 0 || exchange || helper) return askedElsewhere(node, rows, exchange, helper);
  if (node.returnedQuestion) {
    const sentence = `Node "${node.path}" returned a whole state, question included: this looks like another graph whose finished state it passes on.`;
    return verdict("fault", "state-snapshots", sentence, rows);
  }
  const stalled = stalledMs(graph, node.startedAt, node.endedAt ?? node.startedAt);
  return finishedText(answer, node.path, stalled > 0 ? [...rows, ["it stood still for", duration(stalled)]] : rows);
}

/** A call that the model's class saw and LangGraph did not. It is certain, and its line is known. */
export function unseenCall(
  call: SeenCall,
  path: string,
  answer: DeliveredMessage,
  graph: GraphEvidence,
  node?: NodeRun,
): Verdict {
  const known = new Set(graph.nodes.map((one) => one.path));
  const rows = [...(node ? nodeRows(node, answer) : piecesOf(answer.pieces)), ...seenRows(call)];
  if (node && node.marks.length > 0) rows.push(["its message carries", node.marks.join(", ")]);
  const exchange = graph.exchanges.findLast(({ startedAt }) => beganIn(startedAt, call));
  if (exchange) rows.push(...exchangeRows(exchange));
  if (call.node !== undefined && call.node !== path && !known.has(call.node)) return innerGraph(path, call.node, rows);
  const where = call.place === undefined ? "" : ` at ${call.place}`;
  const sentence = `Node "${path}" calls a model${where} ${how(call)}.`;
  return verdict("fault", "unseen-model-call", sentence, rows);
}

function how({ method, callbacks, inContext }: SeenCall): string {
  if (method === "streamEvents") {
    return "through its `streamEvents` without a version, which calls no callbacks, so LangGraph does not see it";
  }
  if (callbacks === undefined) {
    return inContext
      ? "without the callbacks, which a caller further up left out, so LangGraph does not see it"
      : "where the graph's async context was lost, so that no callbacks reach it";
  }
  if (callbacks.some((name) => EVENT_STREAM.test(name))) {
    return "through a `streamEvents` of its own that was not given the node's config, so that LangGraph does not hear of it";
  }
  const list = callbacks.length === 0 ? "an empty list" : callbacks.join(", ");
  return `with its callbacks replaced, in the call or by withConfig: ${list}`;
}

function seenRows({ method, className, place, callbacks, characters }: SeenCall): [string, string][] {
  return [
    ["model call", `${className}.${method}${method === "streamEvents" ? "" : `, ${counted(characters, "character")}`}`],
    ["called at", place ?? "a line of a package"],
    ["callbacks it was given", callbacks === undefined ? "none" : callbacks.join(", ") || "an empty list"],
    ["model events of this node", "none"],
  ];
}

function innerGraph(path: string, inner: string, rows: [string, string][]): Verdict {
  const sentence = `Node "${path}" runs an inner graph whose events do not arrive, and passes on its finished state: node "${inner}" got the answer unseen.`;
  return verdict("fault", "state-snapshots", sentence, rows);
}

/** Only a model call leaves marks. A request or a helper only makes a model call likely. */
function askedElsewhere(
  node: NodeRun,
  rows: [string, string][],
  exchange: Exchange | undefined,
  helper: Helper | undefined,
): Verdict {
  const found: [string, string][] = [["model events of this node", "none"]];
  if (node.marks.length > 0) found.push(["its message carries", node.marks.join(", ")]);
  if (helper) found.push(["it started", `a ${helper.kind}${helper.place ? ` at ${helper.place}` : ""}`]);
  if (helper?.blocks) found.push(["it stood still", "until it had ended"]);
  if (exchange) found.push(...exchangeRows(exchange));
  const looks = node.marks.length > 0 ? "Node" : "It looks as if node";
  const where = helper
    ? helper.blocks
      ? `in a ${helper.kind} that blocks this process, where no callbacks reach it`
      : `in a ${helper.kind}, where no callbacks reach it`
    : exchange && !exchange.inContext
      ? "where the graph's async context was lost, so that no callbacks reach it"
      : "past LangChain, with its callbacks replaced or left out";
  return verdict("fault", "unseen-model-call", `${looks} "${node.path}" calls a model ${where}.`, [...rows, ...found]);
}

export function finishedText(
  answer: DeliveredMessage,
  node: string,
  rows: [string, string][] = piecesOf(answer.pieces),
): Verdict {
  const sentence = `Node "${node}" returns finished text: no model call was seen in it, nor a request to a model.`;
  return verdict("fault", "finished-text", sentence, [...rows, ["model events of this node", "none"]]);
}

/** Custom events that carry the answer, piece by piece. */
export function ofCustoms(customs: readonly CustomSeries[], graph: GraphEvidence): Verdict[] {
  const series = customs
    .filter(({ pieces }) => pieces.length >= MANY)
    .toSorted((a, b) => charactersOf(b.pieces) - charactersOf(a.pieces))[0];
  if (!series) return [];
  const { node, name, pieces } = series;
  const startedAt = graph.nodes.findLast(({ path }) => path === node)?.startedAt ?? 0;
  const found = judgePace(pieces, { node, startedAt, who: `node "${node}"` }, graph);
  const rows: [string, string][] = [[`CUSTOM ${name}`, counted(pieces.length, "event")]];
  if (found?.kind === "fault") return [{ ...found, evidence: [...rows, ...found.evidence] }];
  const sentence = `Node "${node}" sends its tokens as CUSTOM events, and the message itself only when it is finished.`;
  return [verdict("fault", "custom-tokens", sentence, [...rows, ...piecesOf(pieces)])];
}

function isModel({ what }: Exchange): boolean {
  return what.startsWith("POST") && !NO_MODEL.test(what.split("/").slice(3).join("/"));
}

function refusalIn(node: NodeRun, graph: GraphEvidence): Exchange | undefined {
  return exchangesIn(node, graph).findLast(({ status = 0 }) => status >= 400);
}

function exchangesIn(node: NodeRun, { exchanges }: GraphEvidence): Exchange[] {
  return exchanges.filter((one) => beganIn(one.startedAt, node) && (one.node === undefined || one.node === node.path));
}

function nodeRows({ path, startedAt, endedAt }: NodeRun, answer: DeliveredMessage): [string, string][] {
  const lasted = endedAt === undefined ? "did not end" : duration(endedAt - startedAt);
  return [[`node "${path}"`, lasted], ...piecesOf(answer.pieces).slice(0, 1)];
}
