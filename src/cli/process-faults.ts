/** Handles errors of a graph's code that no run awaits, and that therefore reach the process. */
import type { App } from "../app/app.ts";
import type { Logger } from "../ops/logger.ts";
import { currentRun } from "../runs/current-run.ts";

/** The most milliseconds that runs have to end after an uncaught exception. */
const LAST_WORDS_MS = 4_000;

/**
 * Keeps the process alive when a rejection is not handled, because it harms only the code that did not handle it. One
 * that comes from a run is reported with the run's names; both kinds are counted.
 */
export function surviveRejections(logger: Logger): void {
  let inRuns = 0;
  let outside = 0;
  process.on("unhandledRejection", (err) => {
    const run = currentRun.getStore();
    if (run) {
      inRuns += 1;
      logger.warn({ ...run, count: inRuns, err }, "a run left a rejection unhandled");
    } else {
      outside += 1;
      logger.error({ count: outside, err }, "a rejection outside any run was not handled");
    }
  });
}

/**
 * Resolves with the exit code after an uncaught exception: the interrupted code may be in any state, so the process has
 * to end. Before that `/readyz` turns to 503, and runs are ended, but for those that the next process takes up.
 */
export function dieOfExceptions(app: Pick<App, "abandon">, logger: Logger): Promise<number> {
  return new Promise((die) => {
    let dying = false;
    process.on("uncaughtException", (err) => {
      logger.error({ ...currentRun.getStore(), err }, "an exception was not caught");
      if (dying) return;
      dying = true;
      const late = setTimeout(die, LAST_WORDS_MS, 1);
      const dead = () => {
        clearTimeout(late);
        die(1);
      };
      app.abandon().then(dead, dead);
    });
  });
}
