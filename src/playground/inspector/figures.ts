/** Figures as people read them. */

/** Like `4.2 ms`, `41 ms`, `1.32 s`; a dash for none. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1_000).toFixed(2)} s`;
}

/** Like `812 B`, `1.2 kB`, `3.4 MB`. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 999_950 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Like `1 event`, `1,204 events`, `no events`. */
export function counted(count: number, noun: string, none = "no"): string {
  return `${count === 0 ? none : count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
