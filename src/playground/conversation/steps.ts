/** The steps and the reported progress of a run. */

export interface Step {
  readonly name: string;
  /** Steps with the same column ran side by side; columns follow each other. */
  readonly column: number;
  /** `performance.now()`. */
  readonly startedAt: number;
  readonly tookMs: number | undefined;
}

/** A graph's reports of its progress. */
export interface Progress {
  readonly done: number | undefined;
  readonly total: number | undefined;
  readonly label: string | undefined;
  readonly tokensPerSecond: number | undefined;
}

/** Adds a step. A subgraph's step runs while the step of its parent graph is open, so both are in the same column. */
export function stepStarted(steps: readonly Step[], name: string, at: number): readonly Step[] {
  const open = steps.filter(({ tookMs }) => tookMs === undefined);
  const last = steps.at(-1)?.column ?? -1;
  const column = open.length > 0 ? Math.max(...open.map((step) => step.column)) : last + 1;
  return [...steps, { name, column, startedAt: at, tookMs: undefined }];
}

export function stepFinished(steps: readonly Step[], name: string, at: number): readonly Step[] {
  const index = steps.findLastIndex((step) => step.name === name && step.tookMs === undefined);
  return steps.map((step, i) => (i === index ? { ...step, tookMs: at - step.startedAt } : step));
}

/** Returns the steps by column. The steps of a column ran side by side. */
export function columns(steps: readonly Step[]): readonly (readonly Step[])[] {
  const byColumn: Step[][] = [];
  for (const step of steps) {
    byColumn[step.column] ??= [];
    byColumn[step.column]?.push(step);
  }
  return byColumn;
}

/**
 * Returns the progress after a `CUSTOM` event named `progress` or `sluice.progress`. Graphs may name the fields
 * differently. An event that reports only steps keeps the known tokens, and the reverse.
 */
export function progressed(known: Progress | undefined, value: unknown): Progress | undefined {
  if (typeof value !== "object" || value === null) return known;
  const fields = value as Record<string, unknown>;
  const number = (...names: string[]) => names.map((name) => fields[name]).find((part) => typeof part === "number");
  const text = (...names: string[]) => names.map((name) => fields[name]).find((part) => typeof part === "string");
  const done = number("done", "step", "current", "completed", "index");
  return {
    // If several steps run side by side, an earlier step may end last.
    done: done === undefined ? known?.done : Math.max(done, known?.done ?? 0),
    total: number("total", "of", "steps", "count") ?? known?.total,
    label: text("label", "name", "title", "message", "node", "step") ?? known?.label,
    tokensPerSecond: number("tokensPerSecond") ?? known?.tokensPerSecond,
  };
}
