/** Evidence in, verdicts out: the main one first. Pure. */
import { firstTokenOf } from "./answer.ts";
import { diagnoseGraph } from "./diagnose-graph.ts";
import { diagnoseServer } from "./diagnose-server.ts";
import type { Evidence } from "./evidence.ts";
import { duration } from "./measures.ts";
import { streaming, type Verdict, verdict } from "./verdict.ts";

/** Judges all evidence: faults before what is good, and that before notes. At least one verdict. */
export function diagnose(evidence: Evidence): Verdict[] {
  const { graph, server } = evidence;
  const main = graph ? diagnoseGraph(evidence, graph) : server ? diagnoseServer(evidence, server) : [];
  const late = streaming(main) ? lateFirstToken(evidence) : undefined;
  const { end, delivered } = evidence;
  const spoke = end.kind === "ended" && delivered.error === undefined && delivered.tokens.length > 0;
  const reasoning = spoke ? reasoningOf(evidence) : undefined;
  const all = [...main, ...(late ? [late] : []), ...(reasoning ? [reasoning] : [])];
  const rank = { fault: 0, unknown: 1, good: 2, note: 3 };
  return all.toSorted((a, b) => rank[a.kind] - rank[b.kind]);
}

function lateFirstToken(evidence: Evidence): Verdict | undefined {
  const { firstTokenMs: limit } = evidence.asked;
  const first = firstTokenOf(evidence) ?? 0;
  if (first <= limit) return undefined;
  const sentence = `Tokens stream, but the first came after ${duration(first)}; the limit is ${duration(limit)}.`;
  return verdict("fault", "late-first-token", sentence, [
    ["first token after", duration(first)],
    ["limit", duration(limit)],
    ...(evidence.graph?.modelCalls ?? []).map(({ node, startedAt }): [string, string] => [
      `model call in "${node}" began after`,
      duration(startedAt),
    ]),
  ]);
}

function reasoningOf({ delivered, tags, asked }: Evidence): Verdict | undefined {
  const { opened, closed } = tags;
  const rows: [string, string][] = [
    ["opening tags", String(opened)],
    ["closing tags", String(closed)],
    ["reasoning sent", `${delivered.reasoning} characters`],
    ["tags looked for", asked.reasoningTags.join(", ") || "none"],
  ];
  if (closed > 0 && opened === 0) {
    const sentence = "A closing tag of reasoning comes without an opening one, so the reasoning is sent as text.";
    return verdict(asked.expectReasoning ? "fault" : "note", "reasoning-unopened", sentence, rows);
  }
  if (!asked.expectReasoning || delivered.reasoning > 0) return undefined;
  const sentence =
    opened > 0
      ? "The model thinks between tags, and none of it is sent as reasoning."
      : "Reasoning was expected, and the model sends none: no tags, and no reasoning of its own.";
  return verdict("fault", "reasoning-missing", sentence, rows);
}
