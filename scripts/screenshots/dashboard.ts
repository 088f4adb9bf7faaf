/**
 * `npm run screenshots:dashboard -- --prometheus PATH`: lets a real Prometheus scrape a Sluice under a steady load,
 * runs the queries of each panel of config/grafana/sluice.json, and draws the results into docs/images. Fails if a
 * query has no data. `--seconds`: the length of the load. `--picture`: the path of the picture.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { formatApiKey } from "../../src/config/keys.ts";
import { DEFAULT_SCOPES } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";
import { killRest, project, serve } from "../../test/support/child.ts";
import { launch } from "../../test/support/chromium.ts";
import { freePort } from "../../test/support/free-port.ts";
import { startRedis } from "../../test/support/redis.ts";
import { ensureBuilt, ROOT } from "../setup.mjs";
import { AGENTS, load } from "./dashboard/load.ts";
import { drawPanel, type Panel, type Series } from "./dashboard/panel.ts";
import { withPalette } from "./palette.ts";

const TOKEN = "scraped-by-prometheus";
/** Grafana would choose four times the scrape interval, but at least this. */
const RATE_INTERVAL = "15s";

const { values } = parseArgs({
  options: {
    prometheus: { type: "string", default: "prometheus" },
    seconds: { type: "string", default: "180" },
    picture: { type: "string", default: join(ROOT, "docs", "images", "dashboard.png") },
  },
});

const AGENT_FILE = `
  import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
  const one = (node) => new StateGraph(MessagesAnnotation).addNode("node", node).addEdge(START, "node").addEdge("node", END).compile();
  export const brief = one(() => ({ messages: [{ role: "assistant", content: "Hello." }] }));
  export const failing = one(() => { throw new Error("This agent always fails."); });
  export const bulky = one(async (_state, config) => {
    for (let part = 0; part < 200; part += 1) {
      config.writer?.({ name: "bulk", value: "x".repeat(100_000) });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return {};
  });
`;

ensureBuilt();
const { panels } = JSON.parse(readFileSync(join(ROOT, "config", "grafana", "sluice.json"), "utf8")) as {
  panels: Panel[];
};
const folder = mkdtempSync(join(tmpdir(), "sluice-dashboard-"));
const agents = await project({ "agents.mjs": AGENT_FILE });
const redis = await startRedis();
try {
  process.exitCode = await picture();
} finally {
  killRest();
  await redis.kill();
  await agents[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}

async function picture(): Promise<number> {
  const { url, keys } = await served();
  const prometheus = await scraping(url);
  const over = new AbortController();
  try {
    const from = Date.now() / 1_000;
    const loading = load({ url, keys }, over.signal);
    await Promise.race([delay(Number(values.seconds) * 1_000), loading]);
    const to = Date.now() / 1_000;
    const drawn: string[] = [];
    const silent: string[] = [];
    for (const panel of panels) {
      const series: Series[] = [];
      for (const { expr, legendFormat = "" } of panel.targets) {
        const found = await ask(prometheus.url, expr, legendFormat, from, to);
        if (found.length === 0) silent.push(`${panel.title}: ${expr}`);
        series.push(...found);
      }
      const { x, y, w, h } = panel.gridPos;
      const place = `grid-column: ${x + 1} / span ${w}; grid-row: ${y + 1} / span ${h}`;
      drawn.push(`<section style="${place}">${drawPanel(panel, series, from, to)}</section>`);
    }
    over.abort();
    await loading;
    await shoot(drawn.join(""));
    for (const query of silent) console.error(`No data for ${query}`);
    return silent.length === 0 ? 0 : 1;
  } finally {
    over.abort();
    await prometheus.stop();
  }
}

/** Starts a Sluice with agents that answer, fail or send too much. Returns it with its keys. */
async function served() {
  const [patient, greedy] = [makeApiKey("patient", DEFAULT_SCOPES), makeApiKey("greedy", DEFAULT_SCOPES)];
  const shipped = join(ROOT, "dist", "agents", "graphs.js");
  const own = join(agents.path, "agents.mjs");
  const entries = AGENTS.map((name) => [
    name,
    { graph: `${name === "assistant" || name === "researcher" ? shipped : own}:${name}` },
  ]);
  writeFileSync(join(folder, "agents.json"), JSON.stringify({ agents: Object.fromEntries(entries) }));
  const { url } = await serve({
    CONFIG_DIR: folder,
    REDIS_URL: redis.url,
    METRICS_TOKEN: TOKEN,
    AUTH: "api-key",
    API_KEYS: [patient, greedy].map(({ known }) => formatApiKey({ ...known, scopes: [...known.scopes] })).join(","),
    MAX_RUNS_PER_MINUTE: "200",
    SLOW_CONSUMER_SECONDS: "2",
    DEMO_FIRST_TOKEN_MS: "250",
    DEMO_TOKENS_PER_SECOND: "40",
  });
  return { url, keys: { patient: patient.key, greedy: greedy.key } };
}

/** Starts Prometheus, which reads the metrics of the server at `target` each second. */
async function scraping(target: string) {
  const port = await freePort();
  const config = join(folder, "prometheus.yml");
  const { host } = new URL(target);
  writeFileSync(
    config,
    `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: sluice\n    authorization: { credentials: ${TOKEN} }\n    static_configs: [{ targets: ["${host}"] }]\n`,
  );
  const child = spawn(
    values.prometheus,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, "tsdb")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const exited = once(child, "exit");
  exited.catch(() => {}); // The code below reports the failure.
  const url = `http://127.0.0.1:${port}`;
  const ready = async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true;
  while (!(await ready())) {
    const [code] = await Promise.race([exited, delay(100, [undefined])]);
    if (code !== undefined) throw new Error(`Prometheus ended with ${code}.`);
  }
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

interface Answer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [at: number, value: string])[];
    }[];
  };
}

async function ask(prometheus: string, expr: string, legend: string, from: number, to: number): Promise<Series[]> {
  const query = expr.replaceAll("$__rate_interval", RATE_INTERVAL);
  const parameters = new URLSearchParams({ query, start: String(from), end: String(to), step: "1" });
  const response = await fetch(`${prometheus}/api/v1/query_range?${parameters}`);
  if (!response.ok) throw new Error(`${expr}: ${await response.text()}`);
  const { data } = (await response.json()) as Answer;
  return data.result
    .map(({ metric, values }) => ({
      name: legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ""),
      points: values.map(([at, value]) => [at, Number(value)] as const).filter(([, value]) => Number.isFinite(value)),
    }))
    .filter(({ points }) => points.length > 0);
}

async function shoot(sections: string): Promise<void> {
  const style = `
    body { margin: 0; padding: 12px; background: #f4f5f5; font: 12px sans-serif; color: #24292e; }
    main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: 24px; gap: 6px; width: 1400px; }
    section { background: white; border: 1px solid #dde; border-radius: 3px; padding: 6px 8px; overflow: hidden; }
    h2 { font-size: 13px; margin: 0; font-weight: 600; } small { font-weight: 400; color: #667; }
    svg text { font-size: 10.5px; fill: #556; } .grid { stroke: #e5e7ea; } polyline { fill: none; stroke-width: 1.4; }`;
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1_430, height: 800 } });
    await page.setContent(`<style>${style}</style><main>${sections}</main>`);
    writeFileSync(values.picture, withPalette(await page.screenshot({ fullPage: true })));
    console.log(`${values.picture}: ${Math.round(statSync(values.picture).size / 1_000)} kB`);
  } finally {
    await browser.close();
  }
}
