/** Formats verdicts for people and for programs. Pure. */
import { stripVTControlCharacters } from "node:util";
import { answerOf, charactersOf } from "./answer.ts";
import type { Evidence } from "./evidence.ts";
import { portionsOf } from "./portions.ts";
import { timeline } from "./timeline.ts";
import { exitCode, streaming, type Verdict } from "./verdict.ts";

export interface ReportOptions {
  /** Characters a line may have. */
  readonly width: number;
  readonly color: boolean;
  /** The address of the page that says more, as its reader finds it. */
  readonly page: string;
}

const MARKS = { fault: "✗", unknown: "?", note: "!", good: "✓" };
const COLORS = { fault: 31, unknown: 35, note: 33, good: 32 };
const MAX_NAME = 32;
/** The width that a value gets, however narrow the terminal. */
const MIN_VALUE = 20;

/** The report for people: the verdicts, the evidence, the course of the run, and the changes to make. */
export function report(
  evidence: Evidence,
  verdicts: readonly Verdict[],
  { width, color, page }: ReportOptions,
): string {
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const sections = verdicts.map((verdict) => section(verdict, paint, width, `${page}#${verdict.code}`));
  const course = timeline(evidence, width - 4);
  const lines = course.length > 0 ? [paint(1, "  Timeline"), ...course.map((line) => `    ${line}`), ""] : [];
  return [`${paint(2, `sluice doctor ${evidence.target}`)}`, "", ...sections, ...lines].join("\n").trimEnd();
}

function section(verdict: Verdict, paint: (code: number, text: string) => string, width: number, more: string): string {
  const { kind, code, evidence, fix } = verdict;
  const sentence = oneLine(verdict.sentence);
  const names = evidence.map(([name]) => cut(oneLine(name), MAX_NAME));
  const column = Math.max(...names.map((name) => name.length), 0);
  const rows = evidence.map(([, value], index) =>
    cut(`    ${names[index]?.padEnd(column)}  ${oneLine(value)}`, Math.max(width, column + MIN_VALUE)),
  );
  return [
    ...wrapped(`${MARKS[kind]} ${sentence}`, width, "  ").map((line) => paint(COLORS[kind], line)),
    paint(2, `  ${code}`),
    "",
    ...(rows.length > 0 ? [paint(1, "  Evidence"), ...rows, ""] : []),
    ...(kind === "good" ? [] : [paint(1, "  Fix"), ...wrapped(`    ${fix}`, width, "    "), `    More: ${more}`, ""]),
  ].join("\n");
}

/** Parts of the text come from others, so control characters are removed. */
function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Wraps text into lines; `indent` comes before each line except the first. */
function wrapped(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = /^ */.exec(text)?.[0] ?? "";
  for (const word of text.trim().split(/\s+/)) {
    const longer = line.trim() === "" ? `${line}${word}` : `${line} ${word}`;
    if (longer.length <= width || line.trim() === "") line = longer;
    else {
      lines.push(line);
      line = `${indent}${word}`;
    }
  }
  return [...lines, line];
}

/** Changes when a member of the document is renamed or taken away. */
const SCHEMA = 1;

/** The report for programs. `streams` agrees with the exit code; `null` if no evidence shows it. */
export function reportJson(evidence: Evidence, verdicts: readonly Verdict[]): string {
  const { target } = evidence;
  const document = {
    schema: SCHEMA,
    target,
    streams: streaming(verdicts) ?? null,
    exitCode: exitCode(verdicts),
    verdicts,
    figures: figuresOf(evidence),
    evidence,
  };
  return JSON.stringify(document, null, 2);
}

/** The figures for programs, as numbers: times in milliseconds, `null` if there is none. */
function figuresOf(evidence: Evidence): Record<string, number | null> {
  const { delivered, totalMs, graph, server } = evidence;
  const pieces = answerOf(evidence)?.pieces ?? [];
  const first = pieces[0]?.at ?? null;
  const last = pieces.at(-1)?.at ?? null;
  return {
    totalMs,
    runs: server?.runs ?? 1,
    characters: charactersOf(pieces),
    pieces: pieces.length,
    tokens: delivered.tokens.length,
    firstTokenMs: delivered.tokens[0]?.at ?? null,
    firstPieceMs: first,
    spanMs: first === null || last === null ? null : last - first,
    portions: portionsOf(pieces).count,
    modelCalls: graph ? graph.modelCalls.length : null,
    unseenModelCalls: graph
      ? graph.seenCalls.filter(({ runId, inside }) => runId === undefined && !inside).length
      : null,
    stalledMs: graph ? graph.stalls.reduce((sum, { ms }) => sum + ms, 0) : null,
  };
}
