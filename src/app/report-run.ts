/** The one line that the process's own log has of a run. */
import type { Logger } from "../ops/logger.ts";
import type { RunFigures } from "../runs/run-figures.ts";
import type { RunPlan } from "../runs/run-plan.ts";
import type { RunEnd } from "../translate/translator.ts";

/** Nothing of what was said, neither by the client nor by the model. `cause`: what went wrong. */
export function reportRun(
  logger: Logger,
  { agent, threadId, runId, principal }: Pick<RunPlan, "agent" | "threadId" | "runId" | "principal">,
  figures: Pick<RunFigures, "firstTokenMs" | "durationMs" | "deltas" | "tokens" | "refused">,
  end: RunEnd,
  cause: unknown,
): void {
  const fields = {
    agent: agent.name,
    ...(principal === undefined ? {} : { principal }),
    threadId,
    runId,
    outcome: end.kind,
    durationMs: Math.round(figures.durationMs),
    ...(figures.firstTokenMs === undefined ? {} : { firstTokenMs: Math.round(figures.firstTokenMs) }),
    deltas: figures.deltas,
    ...(figures.tokens ? { tokens: figures.tokens } : {}),
    refused: Object.fromEntries(figures.refused),
  };
  if (end.kind === "failed") {
    const { code } = end.error;
    // The operator who stops the server knows why.
    logger.warn({ ...fields, code, ...(code === "draining" ? {} : { err: cause }) }, "run failed");
  } else if (cause) logger.error({ ...fields, err: cause }, "the run's end was not stored");
  else logger.info(fields, "run ended");
}
