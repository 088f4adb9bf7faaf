/** `npm run bench`: measures the cost of Sluice on top of the graph that it serves. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FULL_SIZES, measureFigures, QUICK_SIZES, reportFigures } from "./bench/figures.ts";
import { buildOf } from "./bench/other-build.ts";
import { chart, type Measured, page } from "./bench/page.ts";
import { FULL_PEERS, measurePeers, QUICK_PEERS, reportPeers } from "./bench/peers.ts";
import { FULL_PROCESSES, measureProcesses, QUICK_PROCESSES } from "./bench/processes.ts";
import { reportProcesses, verdictOnProcesses } from "./bench/processes-report.ts";
import { heading, losses, report, verdict, verdictOnGuards } from "./bench/report.ts";
import {
  FULL,
  GUARDED,
  type MeasureOptions,
  measureAll,
  QUICK,
  type Scenario,
  type Setup,
  SOURCES,
} from "./bench/scenarios.ts";
import { FULL_STOP, measureStop, NAME, QUICK_STOP, reportStop, verdictOnStop } from "./bench/stopped-reader.ts";
import { TRANSPORTS } from "./line.ts";
import { ensureBuilt, ROOT } from "./setup.mjs";

const USAGE = `Usage: npm run bench [-- options]

Serves one graph, loads it with concurrent runs, and compares the CPU per token with a bare loop over the same graph. Then
it measures many readers, idle sockets, resuming, long threads and large states, and over WebSocket it lets one of many
readers of a run stop reading. Fails when a token is lost.

Options:
  --transport ws|frames|short|sse the transport of the runs (ws)
  --source streamEvents|direct    the server's STREAM_SOURCE (streamEvents)
  --coalesce 0|auto               the server's COALESCE_MS (0)
  --only <text>                   only scenarios and parts with this text in their name, such as "20 x", "figures" or "stopped"
  --processes <n>                 measure n processes that share Postgres and Redis, and nothing else
  --peers                         measure other servers with the same graph, and nothing else. Their packages are installed
  --guards                        measure what sign-in, limits and metrics cost, and nothing else
  --compare <ref>                 measure the build of another commit too, round by round
  --page                          measure all setups, and write docs/performance.md
  --stop-seconds <n>              the time in which the stopped reader does not read (${FULL_STOP.seconds})
  --quick                         a small version, to check that the bench works; its ratios mean little
  --profile <folder>              write the CPU profiles of server and floor there
  --help                          this`;

/** The name of the figures, for `--only`. They are not a scenario. */
const FIGURES = "figures";

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      transport: { type: "string", default: "ws" },
      source: { type: "string", default: "streamEvents" },
      coalesce: { type: "string", default: "0" },
      only: { type: "string", default: "" },
      processes: { type: "string" },
      peers: { type: "boolean", default: false },
      guards: { type: "boolean", default: false },
      compare: { type: "string" },
      page: { type: "boolean", default: false },
      "stop-seconds": { type: "string" },
      quick: { type: "boolean", default: false },
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  // This program reports on the terminal.
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const setup: Setup = {
    transport: oneOf("--transport", TRANSPORTS, values.transport),
    source: oneOf("--source", SOURCES, values.source),
    coalesceMs: oneOf("--coalesce", ["0", "auto"], values.coalesce),
  };
  const all = values.quick ? QUICK : FULL;
  const scenarios = all.filter(({ name }) => name.includes(values.only));
  const usual = values.quick ? QUICK_STOP : FULL_STOP;
  const seconds = Number(values["stop-seconds"] ?? usual.seconds);
  if (!(seconds > 0)) throw new Error(`--stop-seconds ${values["stop-seconds"]}: valid is a number above 0.`);
  const stop = setup.transport === "ws" && NAME.includes(values.only) ? { ...usual, seconds } : undefined;
  const sizes = FIGURES.includes(values.only) ? (values.quick ? QUICK_SIZES : FULL_SIZES) : undefined;
  if (scenarios.length === 0 && !stop && !sizes)
    throw new Error(`--only ${values.only}: no scenario has this in its name.`);

  ensureBuilt();
  const lost: string[] = [];
  const judged: string[] = [];
  const measureSetup = async (
    which: readonly Scenario[],
    served: Setup,
    options: MeasureOptions,
  ): Promise<Measured> => {
    console.log(heading(served));
    const results = await measureAll(which, served, options);
    console.log(report(results));
    lost.push(...losses(results));
    judged.push(...verdict(results, served));
    return { setup: served, results };
  };
  const figuresOf = async (served: Setup) => {
    if (!sizes) return [];
    const figures = await measureFigures(sizes, served);
    console.log(`\n${reportFigures(figures)}`);
    for (const { name, losses: reasons } of figures) lost.push(...reasons.map((reason) => `${name}: ${reason}`));
    return figures;
  };
  if (values.processes !== undefined) {
    const processes = Number(values.processes);
    if (!(Number.isInteger(processes) && processes >= 2))
      throw new Error(`--processes ${values.processes}: valid is a whole number from 2 on.`);
    const result = await measureProcesses(processes, values.quick ? QUICK_PROCESSES : FULL_PROCESSES, setup);
    console.log(reportProcesses(result));
    lost.push(...result.losses);
    judged.push(...verdictOnProcesses(result));
  } else if (values.peers) {
    const result = await measurePeers(values.quick ? QUICK_PEERS : FULL_PEERS);
    console.log(reportPeers(result));
    lost.push(...result.losses);
  } else if (values.guards) {
    const scenarios = values.quick ? QUICK.slice(1, 2) : GUARDED;
    judged.push(...verdictOnGuards((await measureSetup(scenarios, setup, { guarded: true })).results));
  } else if (values.page) {
    if (values.quick) throw new Error("--page --quick: a page of the small version would mislead.");
    const measured: Measured[] = [];
    for (const { served, which } of setupsOfThePage(scenarios)) measured.push(await measureSetup(which, served, {}));
    const written = page(measured, await figuresOf(setup), {
      cpu: cpus()[0]?.model.trim() ?? "an unknown processor",
      cores: cpus().length,
      node: process.version,
      version: versionOf("@langchain/langgraph"),
    });
    if (lost.length === 0) {
      writeFileSync(join(ROOT, "docs", "performance.md"), written);
      writeFileSync(join(ROOT, "docs", "images", "performance.svg"), chart(measured));
    }
  } else {
    const other = values.compare === undefined ? undefined : buildOf(values.compare);
    if (scenarios.length > 0) await measureSetup(scenarios, setup, { profileTo: values.profile, other });
    await figuresOf(setup);
    if (stop) {
      const result = await measureStop(stop, values.profile);
      console.log(reportStop(result));
      lost.push(...result.losses.map((reason) => `${NAME}: ${reason}`));
      judged.push(...verdictOnStop(result));
    }
  }
  console.log(`\n${lost.length === 0 ? "Nothing was lost." : `LOST:\n  ${lost.join("\n  ")}`}`);
  for (const line of judged) console.log(line);
  return lost.length === 0 ? 0 : 1;
}

/**
 * Chooses the scenarios for the page: all over WebSocket, and those of 20 runs, in fewer rounds, over the other
 * transports and with merged deltas.
 */
function setupsOfThePage(scenarios: readonly Scenario[]): { served: Setup; which: readonly Scenario[] }[] {
  const some = scenarios
    .filter(({ name }) => name.startsWith("20 ") || scenarios.length < FULL.length)
    .map((scenario) => ({ ...scenario, rounds: Math.min(scenario.rounds, 3) }));
  return SOURCES.flatMap((source) => [
    ...TRANSPORTS.map((transport) => ({
      served: { transport, source, coalesceMs: "0" },
      which: transport === "ws" ? scenarios : some,
    })),
    { served: { transport: "ws" as const, source, coalesceMs: "auto" }, which: some },
  ]);
}

function oneOf<T extends string>(option: string, valid: readonly T[], given: string): T {
  const found = valid.find((name) => name === given);
  if (found === undefined) throw new Error(`${option} ${given}: valid are ${valid.join(", ")}.`);
  return found;
}

function versionOf(name: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8"));
  return (manifest as { version: string }).version;
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
