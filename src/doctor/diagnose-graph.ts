/** Judges the evidence of a graph that ran here. Pure. */
import { aboutKeys } from "./about-keys.ts";
import { answerOf, charactersOf, SHORT } from "./answer.ts";
import { ofModel, refusedCall } from "./diagnose-model.ts";
import { finishedText, ofCustoms, ofNode, unseenCall } from "./diagnose-node.ts";
import type { DeliveredMessage, Evidence, GraphEvidence } from "./evidence.ts";
import { duration } from "./measures.ts";
import { exchangeRows } from "./pace.ts";
import { type Verdict, type VerdictCode, verdict } from "./verdict.ts";

/**
 * The verdicts that are faults in any message, not only in the answer. Others may be intended, such as a fixed text
 * beside the answer.
 */
const OF_ANY: ReadonlySet<VerdictCode> = new Set([
  "unseen-model-call",
  "state-snapshots",
  "streaming-disabled",
  "tokens-not-reported",
  "one-chunk",
  "fake-streaming",
  "model-endpoint-buffers",
  "event-loop-blocked",
  "structured-output",
  "portions",
]);

export function diagnoseGraph(evidence: Evidence, graph: GraphEvidence): Verdict[] {
  const failed = failure(evidence, graph);
  if (failed) return [failed];
  const answer = answerOf(evidence);
  if (!answer) return nothingSent(evidence, graph);
  const main = ofMessage(answer, evidence, graph);
  const delivered = evidence.delivered.messages.filter((one) => one !== answer && charactersOf(one.pieces) >= SHORT);
  const others = delivered
    .flatMap((one) => ofMessage(one, evidence, graph))
    .filter(({ kind, code }) => kind === "fault" && OF_ANY.has(code));
  const known = new Set(main.map(({ sentence }) => sentence));
  return [...main, ...others.filter(({ sentence }) => !known.has(sentence) && known.add(sentence))];
}

function ofMessage(message: DeliveredMessage, { delivered }: Evidence, graph: GraphEvidence): Verdict[] {
  const { source, saidBy } = message;
  const call = graph.modelCalls.find(({ runId }) => runId === source?.runId);
  if (call) return ofModel(message, call, graph, delivered);
  const node = graph.nodes.findLast(({ path }) => path === source?.node);
  if (node) return ofNode(node, message, graph);
  if (saidBy && saidBy.runId === undefined) return [unseenCall(saidBy, source?.node ?? "", message, graph)];
  return [finishedText(message, source?.node ?? "")];
}

function failure({ end, asked, delivered }: Evidence, graph: GraphEvidence): Verdict | undefined {
  if (end.kind === "ended") return undefined;
  const atWork = graph.nodes.filter(({ endedAt }) => endedAt === undefined).map(({ path }) => path);
  const rows: [string, string][] = [
    ["at work", atWork.join(", ") || "no node"],
    ["tokens until then", String(delivered.tokens.length)],
    ...graph.exchanges.slice(-1).flatMap(exchangeRows),
  ];
  if (end.kind === "timed-out") {
    return verdict("fault", "timed-out", `The graph had not ended after ${duration(asked.timeoutMs)}.`, rows);
  }
  const refusal = graph.exchanges.findLast(({ status = 0 }) => status >= 400);
  if (refusal && (end.byModel || refusal.inContext)) {
    const sentence = `The model's endpoint answered ${refusal.status}: ${end.message}`;
    return verdict("unknown", "model-refused", sentence, [["error", end.message], ...exchangeRows(refusal)]);
  }
  if (end.byModel || aboutKeys(end.message)) {
    return verdict("unknown", "model-refused", `The model could not be asked: ${end.message}`, rows);
  }
  return verdict("unknown", "run-failed", `The graph failed: ${end.message}`, rows);
}

function nothingSent({ delivered }: Evidence, graph: GraphEvidence): Verdict[] {
  const call = graph.modelCalls.findLast(({ refused }) => refused > 0);
  if (call) return [refusedCall(call)];
  const node = graph.nodes.findLast(({ characters }) => characters > 0);
  const written = ofCustoms(graph.customs, graph);
  if (written.length > 0) return written;
  if (delivered.interrupted) {
    return [verdict("fault", "interrupted", "The graph stopped to ask before it said anything.", [])];
  }
  const refused = Object.entries(graph.refused).map(([name, count]): [string, string] => [
    `${name} refused`,
    `${count}`,
  ]);
  if (node && graph.refused.on_chain_end) {
    const sentence = `The text of node "${node.path}" was refused: neither its tokens nor its end may leave.`;
    return [verdict("fault", "events-refused", sentence, refused)];
  }
  const rows: [string, string][] = [
    ["nodes", graph.nodes.map(({ path }) => path).join(", ") || "none"],
    ["model calls", String(graph.modelCalls.length)],
  ];
  const generator = graph.nodes.find(({ isGenerator }) => isGenerator);
  if (generator) {
    const sentence = `Node "${generator.path}" is a generator function: LangGraph takes what a node returns, and nothing of what it yields.`;
    return [verdict("fault", "generator-node", sentence, rows)];
  }
  const failed = graph.modelCalls.findLast(({ failed: why }) => why !== undefined);
  if (failed) {
    const sentence = `The call of the model in node "${failed.node}" failed, and the graph sent no text: ${failed.failed}`;
    return [verdict("unknown", "model-refused", sentence, rows)];
  }
  const structured = graph.modelCalls.findLast(({ argumentChunks }) => argumentChunks.length > 0);
  if (structured) {
    const sentence = `The model in node "${structured.node}" answers in the arguments of a tool, and nothing is said as text.`;
    return [verdict("fault", "structured-output", sentence, rows)];
  }
  return [verdict("fault", "no-text", "The run ended well, but sent no text.", rows)];
}
