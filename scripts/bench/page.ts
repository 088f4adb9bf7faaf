/**
 * Writes the text of `docs/performance.md`: the results of the bench, a chart, the machine, and how to repeat it. Has
 * no side effects.
 */
import { median, percentile } from "../../src/doctor/measures.ts";
import { FIGURE_COLUMNS, type Figure, figureRow } from "./figures.ts";
import { ratiosOf, setupName } from "./report.ts";
import { BURST, type Result, type Setup } from "./scenarios.ts";

/** The results of one setup. */
export interface Measured {
  readonly setup: Setup;
  readonly results: readonly Result[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  /** The version of LangGraph. */
  readonly version: string;
}

export function page(measured: readonly Measured[], figures: readonly Figure[], machine: Machine): string {
  const names = namesOf(measured);
  const ratios = measured.map(({ setup, results }) => [
    setupName(setup),
    ...names.map((name) => ratioOf(results.find(({ scenario }) => scenario.name === name))),
  ]);
  const delays = measured.flatMap(({ setup, results }) =>
    // A run of one token has no second frame.
    results
      .filter(({ seen }) => seen.gaps.length > 0)
      .map(({ scenario, seen }) => [
        `${setupName(setup)}: ${scenario.name}`,
        pair(seen.firstEvents),
        pair(seen.gaps),
        (seen.delivered / seen.frames).toFixed(1),
        (seen.bytes / seen.delivered).toFixed(0),
      ]),
  );
  return `# Performance

\`npm run bench -- --page\` writes this page. Each figure is a ratio to a floor, measured in the same run on the same machine:
the machine's speed and its noise are in both. A ratio of 1.00 means that Sluice costs no more than the floor.

## CPU a token

The floor is a bare \`for await\` over \`graph.streamEvents(input, { version: "v2" })\`: no server, no socket, nothing kept.
Sluice runs the same graph, and serves it over loopback, with one client per run. The model needs no time. "one by one": each token
comes in a turn of the event loop of its own, the worst case. "at 30/s": the pace of a hosted model. Otherwise ${BURST} tokens come in
one turn. Where nothing else is said, \`COALESCE_MS=0\`: each token that comes alone leaves in a frame of its own. Runs of one
token show what a run itself costs. \`streamEvents\` and \`direct\` are the values of [\`STREAM_SOURCE\`](settings.md).

![CPU a token as a ratio to the floor](images/performance.svg)

${markdown(["served over", ...names], ratios)}

## Delays and bytes

${markdown(["runs over", "first event p50 / p99 ms", "between frames p50 / p99 ms", "tokens per frame", "bytes per token"], delays)}

## Readers, threads and states

${markdown(FIGURE_COLUMNS, figures.map(figureRow))}

## The machine

${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, LangGraph ${machine.version}. Server, floor and clients are processes of their own on
it. CPU is user and system time of all threads.

## To repeat it

\`\`\`sh
npm run bench                        # one setup: WebSocket, streamEvents
npm run bench -- --source direct     # another source; --transport frames, short or sse
npm run bench -- --compare HEAD~1    # this build beside that of another commit, round by round
npm run bench -- --page              # all setups, and this page
\`\`\`
`;
}

function namesOf(measured: readonly Measured[]): string[] {
  return [...new Set(measured.flatMap(({ results }) => results.map(({ scenario }) => scenario.name)))];
}

function ratio({ server, floor }: Result): number {
  return median(ratiosOf(server, floor));
}

function ratioOf(result: Result | undefined): string {
  return result ? ratio(result).toFixed(2) : "";
}

function pair(values: readonly number[]): string {
  return `${percentile(values, 0.5).toFixed(1)} / ${percentile(values, 0.99).toFixed(1)}`;
}

function markdown(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}

const BAR = 18;
const LEFT = 330;
const WIDTH = 860;

/** Draws the ratios of 20 runs as bars, with a line for the floor. */
export function chart(measured: readonly Measured[]): string {
  const groups = namesOf(measured)
    .filter((name) => name.startsWith("20 "))
    .map((name) => ({
      name,
      bars: measured.flatMap(({ setup, results }) => {
        const result = results.find(({ scenario }) => scenario.name === name);
        return result ? [{ label: setupName(setup), value: ratio(result), direct: setup.source === "direct" }] : [];
      }),
    }));
  const most = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const scale = (WIDTH - LEFT - 60) / most;
  const parts: string[] = [];
  let y = 10;
  for (const { name, bars } of groups) {
    y += 24;
    parts.push(`<text x="10" y="${y}" font-weight="bold">${escaped(name)}</text>`);
    for (const { label, value, direct } of bars) {
      y += BAR + 4;
      const width = (value * scale).toFixed(0);
      parts.push(
        `<text x="${LEFT - 8}" y="${y}" text-anchor="end">${escaped(label)}</text>`,
        `<rect x="${LEFT}" y="${y - BAR + 5}" width="${width}" height="${BAR}" fill="${direct ? "#2f7d6b" : "#4a6fa5"}"/>`,
        `<text x="${LEFT + Number(width) + 6}" y="${y}">${value.toFixed(2)}</text>`,
      );
    }
  }
  const height = y + 20;
  const floor = (LEFT + scale).toFixed(0);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
<title>CPU a token as a ratio to the floor</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${parts.join("\n")}
<line x1="${floor}" y1="6" x2="${floor}" y2="${height - 6}" stroke="#b3402a" stroke-dasharray="4 3"/>
<text x="${floor}" y="${height - 4}" fill="#b3402a" font-size="11">the floor</text>
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
