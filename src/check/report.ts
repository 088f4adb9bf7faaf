/** The report of a check, for people and for programs. */
import { counted } from "../doctor/measures.ts";
import type { Check } from "../doctor/spread.ts";
import type { Finding } from "./check.ts";
import type { Result } from "./findings.ts";
import { CHAPTERS, chapterOf, REQUIREMENTS } from "./requirements.ts";

export interface ChapterScore {
  readonly chapter: string;
  readonly title: string;
  readonly passed: number;
  readonly failed: number;
  readonly notTried: number;
  readonly notOffered: number;
}

export function scoresOf(results: readonly Result[]): ChapterScore[] {
  return Object.entries(CHAPTERS).map(([chapter, title]) => {
    const own = results.filter(({ id }) => chapterOf(id) === chapter);
    const count = (verdict: Result["verdict"]) => own.filter((result) => result.verdict === verdict).length;
    return {
      chapter,
      title,
      passed: count("passed"),
      failed: count("failed"),
      notTried: count("not tried"),
      notOffered: count("not offered"),
    };
  });
}

/** The checks of a graph's wiring, one a line. */
export function wiringText(target: string, checks: readonly Check[]): string {
  const lines = checks.map(({ name, passed, found }) => `  ${passed ? "ok  " : "FAIL"}  ${name}: ${found}`);
  const failed = checks.filter(({ passed }) => !passed).map(({ name }) => name);
  return [target, lines.join("\n"), failed.length === 0 ? "Passed." : `Failed: ${failed.join(", ")}.`].join("\n\n");
}

export function wiringJson(target: string, checks: readonly Check[]): string {
  const code = checks.every(({ passed }) => passed) ? 0 : 1;
  return JSON.stringify({ schema: 1, target, exitCode: code, checks }, null, 2);
}

/** 0: no requirement failed. 1: at least one failed. */
export function exitCode({ results }: Finding): number {
  return results.some(({ verdict }) => verdict === "failed") ? 1 : 0;
}

export function asText(finding: Finding, page: string): string {
  const { endpoint, socket, results } = finding;
  const scores = scoresOf(results).map(scoreLine);
  const details = results.flatMap(({ id, verdict, found }) => {
    if (verdict === "passed" || verdict === "not offered") return [];
    const mark = verdict === "failed" ? "FAIL" : "--  ";
    return [`  ${mark}  ${id.padEnd(5)} ${REQUIREMENTS[id]}`, ...found.map((line) => `              ${line}`)];
  });
  const count = (wanted: Result["verdict"]) => results.filter(({ verdict }) => verdict === wanted).length;
  const failed = count("failed");
  const rest = count("not tried") > 0 ? `, ${count("not tried")} could not be tried` : "";
  const verdict =
    failed > 0
      ? `${counted(failed, "requirement")} of ${page} ${failed === 1 ? "is" : "are"} not met`
      : "Every requirement that was tried is met";
  return [
    [endpoint, ...(socket === undefined ? [] : [socket])].join("\n"),
    scores.join("\n"),
    ...(details.length > 0 ? [details.join("\n")] : []),
    `${verdict} (${count("passed")} met${rest}).`,
  ].join("\n\n");
}

function scoreLine({ chapter, title, passed, failed, notTried }: ChapterScore): string {
  const tried = passed + failed;
  const score = tried > 0 ? `${passed} of ${tried}` : notTried > 0 ? "not tried" : "not offered";
  return `  ${chapter.padStart(2)}  ${title.padEnd(28)} ${score}`;
}

export function asJson(finding: Finding): string {
  const { endpoint, socket, results } = finding;
  const requirements = results.map(({ id, verdict, found }) => ({ id, requirement: REQUIREMENTS[id], verdict, found }));
  const document = {
    schema: 1,
    endpoint,
    socket,
    exitCode: exitCode(finding),
    chapters: scoresOf(results),
    requirements,
  };
  return JSON.stringify(document, null, 2);
}
