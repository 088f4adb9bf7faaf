/** `npm run bench`: what Sluice costs on top of the graph it serves. */
import { parseArgs } from "node:util";
import { heading, losses, report, verdict } from "./bench/report.ts";
import { FULL, measureAll, QUICK } from "./bench/scenarios.ts";
import { FULL_STOP, measureStop, NAME, QUICK_STOP, reportStop, verdictOnStop } from "./bench/stopped-reader.ts";
import { TRANSPORTS, type Transport } from "./line.ts";
import { ensureBuilt } from "./setup.mjs";

const USAGE = `Usage: npm run bench [-- options]

Serves one graph, loads it with concurrent runs, and compares the CPU a token with a bare loop over the same graph.
Then, over WebSocket, lets one of many readers of a run stop reading. Fails when a token is lost.

Options:
  --transport ws|sse   over which the runs are read (ws)
  --only <text>        only the scenarios whose name has this text, such as "20 x"
  --stop-seconds <n>   how long the stopped reader does not read (${FULL_STOP.seconds})
  --quick              a small version, to see that it works: its ratios mean little
  --profile <folder>   write the CPU profiles of server and floor there
  --help               this`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      transport: { type: "string", default: "ws" },
      only: { type: "string", default: "" },
      "stop-seconds": { type: "string" },
      quick: { type: "boolean", default: false },
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const transport = values.transport as Transport;
  if (!TRANSPORTS.includes(transport)) throw new Error(`--transport ${transport}: valid are ${TRANSPORTS.join(", ")}.`);
  const scenarios = (values.quick ? QUICK : FULL).filter(({ name }) => name.includes(values.only));
  const usual = values.quick ? QUICK_STOP : FULL_STOP;
  const seconds = Number(values["stop-seconds"] ?? usual.seconds);
  if (!(seconds > 0)) throw new Error(`--stop-seconds ${values["stop-seconds"]}: valid is a number above 0.`);
  const stop = transport === "ws" && NAME.includes(values.only) ? { ...usual, seconds } : undefined;
  if (scenarios.length === 0 && !stop) throw new Error(`--only ${values.only}: no scenario's name has this.`);

  ensureBuilt();
  const lost: string[] = [];
  const judged: string[] = [];
  if (scenarios.length > 0) {
    console.log(heading(transport));
    const results = await measureAll(scenarios, transport, values.profile);
    console.log(report(results));
    lost.push(...losses(results));
    judged.push(...verdict(results));
  }
  if (stop) {
    const result = await measureStop(stop, values.profile);
    console.log(reportStop(result));
    lost.push(...result.losses.map((reason) => `${NAME}: ${reason}`));
    judged.push(...verdictOnStop(result));
  }
  console.log(`\n${lost.length === 0 ? "Nothing was lost." : `LOST:\n  ${lost.join("\n  ")}`}`);
  for (const line of judged) console.log(line);
  return lost.length === 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  },
);
