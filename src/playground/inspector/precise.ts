/**
 * Returns a duration with two or three digits, so that gaps can be compared: `4.2 ms`, `41 ms`, `1.32 s`. A dash stands
 * for none.
 */
export function fine(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1_000).toFixed(2)} s`;
}
