/** `npm run bench`: what Sluice costs on top of the graph it serves. */
import { parseArgs } from "node:util";
import { heading, losses, report, verdict } from "./bench/report.ts";
import { FULL, measureAll, QUICK } from "./bench/scenarios.ts";
import { TRANSPORTS, type Transport } from "./line.ts";
import { ensureBuilt } from "./setup.mjs";

const USAGE = `Usage: npm run bench [-- options]

Serves one graph, loads it with concurrent runs, and compares the CPU a token with a bare loop over the same graph.
Fails when a token is lost.

Options:
  --transport ws|sse   over which the runs are read (ws)
  --only <text>        only the scenarios whose name has this text, such as "20 x"
  --quick              a small version, to see that it works: its ratios mean little
  --profile <folder>   write the CPU profiles of server and floor there
  --help               this`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      transport: { type: "string", default: "ws" },
      only: { type: "string", default: "" },
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
  if (scenarios.length === 0) throw new Error(`--only ${values.only}: no scenario's name has this.`);

  ensureBuilt();
  console.log(heading(transport));
  const results = await measureAll(scenarios, transport, values.profile);
  console.log(report(results));
  const lost = losses(results);
  console.log(`\n${lost.length === 0 ? "Nothing was lost." : `LOST:\n  ${lost.join("\n  ")}`}`);
  const judged = verdict(results);
  if (judged) console.log(judged);
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
