/** The findings of the audit, for people and for programs. */
import type { Leak } from "./audit.ts";
import type { Found } from "./process.ts";

export interface Report {
  readonly schema: 1;
  readonly agent: string;
  /** 0: no forbidden value left the server; 1: at least one did; 2: the graph could not be run. */
  readonly exitCode: 0 | 1 | 2;
  readonly leaks: readonly Leak[];
  readonly doors: readonly string[];
  readonly canaries: Readonly<Record<string, number>>;
  readonly notReached: readonly string[];
  readonly failure: string | null;
  /** The addresses that the graph tried to reach, and the number of times. */
  readonly network: readonly { readonly to: string; readonly times: number }[];
}

export function reportOf({ audit, network }: Found): Report {
  const { failure, ...found } = audit;
  const leaks = audit.leaks.some(({ allowed }) => !allowed);
  return {
    schema: 1,
    ...found,
    exitCode: leaks ? 1 : failure === undefined ? 0 : 2,
    failure: failure ?? null,
    network: network.map(([to, times]) => ({ to, times })),
  };
}

export function asText(report: Report): string {
  const { agent, leaks, doors, canaries, notReached, failure, network, exitCode } = report;
  const forbidden = leaks.filter(({ allowed }) => !allowed);
  const allowed = leaks.filter(({ allowed }) => allowed);
  const looked = Object.entries(canaries).map(([kind, count]) => `${count} ${kind}`);
  return [
    `${agent}: ${verdict(exitCode, forbidden.length)}`,
    ...forbidden.flatMap((leak) => ["", ...linesOf(leak)]),
    ...(forbidden.length > 0
      ? [
          "",
          `If one of them may leave, name it in the agent's "audit": ${JSON.stringify(forbidden.map(({ canary }) => canary))}`,
        ]
      : []),
    ...(allowed.length > 0
      ? ["", "Left, and may leave:", ...allowed.map(({ canary, lines }) => `  ${canary}  (${lines.join("; ")})`)]
      : []),
    ...(failure === undefined || failure === null ? [] : ["", `A run failed: ${failure}`]),
    ...(network.length > 0
      ? [
          "",
          "The graph tried to reach these addresses, but the audit has no network:",
          ...network.map(({ to, times }) => `  ${to}${times > 1 ? ` (${times} times)` : ""}`),
        ]
      : []),
    ...(notReached.length > 0
      ? ["", `These nodes never ran, so nothing is known about them: ${notReached.join(", ")}`]
      : []),
    "",
    `Looked for ${looked.join(", ") || "nothing"}, at ${doors.length} doors.`,
  ].join("\n");
}

function verdict(exitCode: Report["exitCode"], count: number): string {
  if (exitCode === 1) return count === 1 ? "1 forbidden value leaves." : `${count} forbidden values leave.`;
  return exitCode === 0
    ? "no forbidden value leaves."
    : "nothing was seen to leave, but the graph could not be run to its end.";
}

function linesOf({ canary, doors, lines }: Leak): string[] {
  return [
    `  ${canary}`,
    `    reached: ${doors.join("; ")}`,
    `    by: ${lines.join("; ") || "no line of the allow-list"}`,
  ];
}
