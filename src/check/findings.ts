/** The results of a check, requirement by requirement. */
import { REQUIREMENTS, type RequirementId } from "./requirements.ts";

/**
 * `passed` and `failed`: the result was seen. `not offered`: the server does not have the feature, which is no fault.
 * `not tried`: it could not be checked here, for example because an answer was too short.
 */
export type Verdict = "passed" | "failed" | "not offered" | "not tried";

export interface Result {
  readonly id: RequirementId;
  readonly verdict: Verdict;
  /** The problems, or the reason why it was not tried. Empty if it passed. */
  readonly found: readonly string[];
}

/** The reason why a requirement could not be tried, such as an answer that is too short. */
export class NotTried extends Error {}

/** One way to try requirements. A requirement without a reported problem has passed. */
export interface Probe {
  readonly tries: readonly RequirementId[];
  run(report: Report): Promise<void>;
}

/** Reports a problem of a requirement. */
export type Report = (id: RequirementId, problem: string) => void;

const SHOWN = 3;

/** Runs probes one after the other. `trouble` turns an error that a probe threw into a sentence. */
export async function resultsOf(probes: readonly Probe[], trouble: (error: unknown) => string): Promise<Result[]> {
  const verdicts = new Map<RequirementId, { verdict: Verdict; found: string[] }>();
  for (const { tries, run } of probes) {
    const problems = new Map<RequirementId, string[]>();
    const report: Report = (id, problem) => {
      const found = problems.get(id) ?? [];
      if (!found.includes(problem)) problems.set(id, [...found, problem]);
    };
    let without: string | undefined;
    try {
      await run(report);
    } catch (error) {
      without = trouble(error);
      const [first] = tries;
      if (!(error instanceof NotTried) && first && problems.size === 0) report(first, without);
    }
    for (const id of tries) {
      const found = problems.get(id);
      if (found) verdicts.set(id, { verdict: "failed", found: [...(verdicts.get(id)?.found ?? []), ...found] });
      else if (verdicts.get(id)?.verdict === "failed") continue;
      else if (without === undefined) verdicts.set(id, { verdict: "passed", found: [] });
      else if (!verdicts.has(id)) verdicts.set(id, { verdict: "not tried", found: [without] });
    }
    for (const [id, found] of problems) if (!tries.includes(id)) verdicts.set(id, { verdict: "failed", found });
  }
  const ids = Object.keys(REQUIREMENTS) as RequirementId[];
  return ids.map((id) => {
    const { verdict, found } = verdicts.get(id) ?? { verdict: "not offered" as const, found: [] };
    const more = found.length > SHOWN ? [`and ${found.length - SHOWN} more`] : [];
    return { id, verdict, found: [...found.slice(0, SHOWN), ...more] };
  });
}
