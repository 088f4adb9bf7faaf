/** Writes one line about each run to the process's log. */
import type { Logger } from "../ops/logger.ts";
import type { RunFigures } from "../runs/run-figures.ts";
import type { RunPlan } from "../runs/run-plan.ts";
import type { RunEnd } from "../translate/translator.ts";

/** Logs a run without any text of the client or the model. `cause`: the error, if there was one. */
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
    // The operator who stopped the server knows the cause.
    logger.warn({ ...fields, code, ...(code === "draining" ? {} : { err: cause }) }, "run failed");
  } else if (cause) logger.error({ ...fields, err: cause }, "the run's end was not stored");
  else logger.info(fields, "run ended");
}
