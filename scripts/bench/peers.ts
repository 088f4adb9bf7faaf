/** Other servers with the same graph, compared with the same floor. Their packages have a folder of their own. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { createParser } from "eventsource-parser";
import { median, table } from "../../src/doctor/measures.ts";
import { Child } from "./child.ts";
import { answerTo, type Workload } from "./graph.ts";
import { nothingSeen } from "./load.ts";
import { ratiosOf } from "./report.ts";
import { consume, oneByOne, type Scenario, SOURCES, serve, unpaced } from "./scenarios.ts";

const FOLDER = fileURLToPath(new URL("./peers/", import.meta.url));

interface Peer {
  readonly name: string;
  readonly file: string;
  readonly path: string;
  /** The body of the request for a run. */
  readonly body: (content: string) => object;
  /** The text in an event of the response. */
  readonly textIn: (data: string, event: string | undefined) => string | undefined;
}

const said = (content: string) => [{ role: "user", content }];

const PEERS: readonly Peer[] = [
  {
    name: "AI SDK adapter",
    file: "./peers/ai-sdk.mjs",
    path: "/",
    body: (content) => ({ messages: said(content) }),
    textIn: (data) => (data === "[DONE]" ? undefined : (JSON.parse(data) as { delta?: string }).delta),
  },
  {
    name: "CopilotKit's runtime",
    file: "./peers/copilotkit.mjs",
    path: "/agent/bench/run",
    body: (content) => ({
      threadId: randomUUID(),
      runId: randomUUID(),
      state: {},
      messages: [{ id: randomUUID(), role: "user", content }],
      tools: [],
      context: [],
      forwardedProps: {},
    }),
    textIn: (data) => (JSON.parse(data) as { delta?: string }).delta,
  },
  {
    name: "LangGraph's dev server",
    file: "./peers/langgraph.mjs",
    path: "/runs/stream",
    body: (content) => ({
      assistant_id: "bench",
      input: { messages: said(content) },
      stream_mode: ["messages-tuple"],
    }),
    textIn: (data, event) =>
      event === "messages" ? (JSON.parse(data) as [{ type: string; content: string }])[0].content : undefined,
  },
];

/** A side of the comparison, and its CPU per token in microseconds, round by round. */
interface Side {
  readonly name: string;
  readonly micros: number[];
  readonly measure: () => Promise<number>;
}

export interface PeersResult {
  readonly scenario: Scenario;
  readonly sides: readonly Pick<Side, "name" | "micros">[];
  readonly floor: readonly number[];
  readonly losses: readonly string[];
}

export const FULL_PEERS = oneByOne(unpaced(20, 5, 1));
export const QUICK_PEERS = oneByOne(unpaced(2, 1, 1, 100));

export async function measurePeers(scenario: Scenario): Promise<PeersResult> {
  await install();
  const children: Child[] = [];
  const child = (file: string) => {
    const started = new Child(file);
    children.push(started);
    return started;
  };
  const losses: string[] = [];
  try {
    const sides: Side[] = [];
    for (const source of SOURCES) {
      const server = child("./server.ts");
      const url = await server.ask<string>("listen", { env: { STREAM_SOURCE: source, COALESCE_MS: "0" } });
      const name = `Sluice, ${source}`;
      const measure = async () => {
        const seen = nothingSeen();
        const micros = await serve(server, { url, transport: "sse" }, scenario, seen);
        losses.push(...seen.losses.map((reason) => `${name}: ${reason}`));
        return micros;
      };
      sides.push({ name, micros: [], measure });
    }
    for (const peer of PEERS) {
      const server = child(peer.file);
      const url = await server.ask<string>("listen");
      const measure = async () => {
        const { micros, lost } = await load(server, `${url}${peer.path}`, peer, scenario);
        if (lost > 0) losses.push(`${peer.name}: ${lost} of ${scenario.runs} runs brought another text.`);
        return micros;
      };
      sides.push({ name: peer.name, micros: [], measure });
    }
    const floor = child("./floor.ts");
    const floors: number[] = [];
    // Each is warmed up first.
    for (const { measure } of sides) await measure();
    await consume(floor, scenario);
    for (let round = 0; round < scenario.rounds; round += 1) {
      floors.push(await consume(floor, scenario));
      for (const { micros, measure } of round % 2 === 0 ? sides : sides.toReversed()) micros.push(await measure());
    }
    return { scenario, sides, floor: floors, losses: [...new Set(losses)] };
  } finally {
    await Promise.all(children.map((one) => one.close()));
  }
}

export function reportPeers({ scenario, sides, floor }: PeersResult): string {
  const rows = sides.map(({ name, micros }) => {
    const ratios = ratiosOf(micros, floor);
    const range = `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
    return [name, median(micros).toFixed(1), `${median(ratios).toFixed(2)} (${range})`];
  });
  const title = `${scenario.name}, over SSE. The floor takes ${median(floor).toFixed(1)} us a token.`;
  return `\n${title}\n\n${table([["server", "us/token", "ratio to the floor (range)"], ...rows])}`;
}

/** Installs the peers' packages, and puts the graph beside them, so that it uses their copy of LangGraph. */
async function install(): Promise<void> {
  if (!existsSync(`${FOLDER}node_modules/.package-lock.json`)) {
    console.log("Installing the peers ..."); // It takes a minute, and the bench reports on the terminal.
    // CopilotKit's runtime names many providers as peers, of which none is used here.
    const args = ["--ignore-scripts", "--legacy-peer-deps", "--no-package-lock", "--no-audit", "--no-fund"];
    execFileSync("npm", ["install", ...args], { cwd: FOLDER, stdio: "inherit" });
  }
  await build({
    stdin: {
      contents: `import { benchGraph } from "../graph.ts"; export const graph = benchGraph();`,
      resolveDir: FOLDER,
    },
    outfile: `${FOLDER}built/graph.mjs`,
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    logLevel: "error",
  });
}

async function load(server: Child, url: string, peer: Peer, { workload, runs, repeats }: Scenario) {
  let micros = 0;
  let lost = 0;
  for (let time = 0; time < repeats; time += 1) {
    await server.ask("startCpu");
    const texts = await Promise.all(Array.from({ length: runs }, () => textOf(url, peer, workload)));
    micros += await server.ask<number>("cpuMicros");
    lost += texts.filter((text) => text !== answerTo(workload)).length;
  }
  return { micros: micros / (runs * repeats * workload.tokens), lost };
}

/** Requests a run, and returns the text that its response streams. */
async function textOf(url: string, { body, textIn }: Peer, workload: Workload): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(body(JSON.stringify(workload))),
  });
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  let text = "";
  const parser = createParser({
    onEvent: ({ data, event }) => {
      text += textIn(data, event) ?? "";
    },
  });
  const decoder = new TextDecoder();
  for await (const bytes of response.body) parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }));
  return text;
}
