import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSluice } from "../../src/app/sluice.ts";
import { Buckets } from "../../src/counts/buckets.ts";
import { Counts } from "../../src/counts/counts.ts";
import { metricsOf } from "../../src/ops/metrics.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connect, isType, type WsClient } from "../support/ws-client.ts";

const TOKEN = "metrics-token-of-this-test";

/** Dashboards and alerts are built on these names. A name that changes breaks them. */
const NAMES = [
  "counter sluice_auth_failures_total",
  "counter sluice_deltas_total",
  "counter sluice_events_admitted_total",
  "counter sluice_events_refused_total",
  "counter sluice_gaps_total",
  "counter sluice_limits_hit_total",
  "counter sluice_run_failures_total",
  "counter sluice_runs_total",
  "counter sluice_slow_consumers_total",
  "counter sluice_tokens_total",
  "gauge sluice_event_loop_delay_seconds",
  "gauge sluice_log_bytes",
  "gauge sluice_log_followed_topics",
  "gauge sluice_log_topics",
  "gauge sluice_log_unwritten_entries",
  "gauge sluice_runs_active",
  "gauge sluice_sockets_open",
  "gauge sluice_sockets_waiting_bytes",
  "gauge sluice_starts_waiting",
  "histogram sluice_log_write_seconds",
  "histogram sluice_replay_entries",
  "histogram sluice_run_duration_seconds",
  "histogram sluice_store_seconds",
  "histogram sluice_time_to_first_token_seconds",
  "histogram sluice_token_gap_seconds",
];

const LABELS = ["agent", "code", "event", "format", "le", "operation", "outcome", "quantile"];

async function scrape(url: string, token = TOKEN): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
}

/** Returns the value of a sample. `labels`: in the text format. */
function value(text: string, name: string, labels = ""): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${name}${labels ? `{${labels}}` : ""} `));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

describe("what Prometheus reads of a server that answered, failed and has a socket open", () => {
  let sluice: TestSluice;
  let socket: WsClient;
  let text: string;

  beforeAll(async () => {
    const answers = chatGraph(new SteppedModel({ always: ["one", "two", "three"] }));
    const fails = chatGraph(new SteppedModel().fail(new Error("no luck")));
    sluice = await startSluice({ answers: { graph: answers }, fails: { graph: fails } }, { METRICS_TOKEN: TOKEN });
    await (await postRun(sluice.url, userInput("secret words", { threadId: "thread-of-a-client", runId: "run-of-it" })))
      .done;
    await (await postRun(sluice.url, userInput("hi"), "/agui/agent/fails/run")).done;
    socket = await connect(`${sluice.ws}/ws?thread=thread-of-a-client`);
    socket.send({ type: "ping" });
    await socket.until(isType("CUSTOM"));
    const again = await fetch(`${sluice.url}/threads/thread-of-a-client/events?after=nowhere-1`);
    await again.body?.cancel();
    text = await scrape(sluice.url);
  });

  afterAll(async () => {
    await socket?.close();
    await sluice?.close();
  });

  it("has these names and types", () => {
    const types = [...text.matchAll(/^# TYPE (sluice_\w+) (\w+)$/gm)].map(([, name, type]) => `${type} ${name}`);
    expect(types.sort()).toEqual(NAMES);
  });

  it("has the process's own beside them", () => {
    expect(value(text, "process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
  });

  it("counts runs, their pieces, their events and the time to the first piece", () => {
    expect(value(text, "sluice_runs_total", 'agent="answers",outcome="done"')).toBe(1);
    expect(value(text, "sluice_runs_total", 'agent="fails",outcome="failed"')).toBe(1);
    expect(value(text, "sluice_run_failures_total", 'agent="fails",code="model_error"')).toBe(1);
    expect(value(text, "sluice_deltas_total", 'agent="answers"')).toBe(3);
    expect(value(text, "sluice_deltas_total", 'agent="fails"')).toBe(0);
    expect(value(text, "sluice_events_admitted_total", 'agent="answers",event="on_chat_model_stream"')).toBe(3);
    expect(value(text, "sluice_events_refused_total", 'agent="answers",event="on_chat_model_start"')).toBe(1);
    expect(value(text, "sluice_time_to_first_token_seconds_count", 'agent="answers"')).toBe(1);
    expect(value(text, "sluice_time_to_first_token_seconds_count", 'agent="fails"')).toBe(0);
    expect(value(text, "sluice_token_gap_seconds_count", 'agent="answers"')).toBe(2);
    expect(value(text, "sluice_run_duration_seconds_bucket", 'agent="answers",le="+Inf"')).toBe(1);
    expect(value(text, "sluice_runs_active")).toBe(0);
  });

  it("shows sockets by format, the log, the store and the event loop", () => {
    expect(value(text, "sluice_sockets_open", 'format="agui"')).toBe(1);
    expect(value(text, "sluice_sockets_open", 'format="frames"')).toBe(0);
    expect(value(text, "sluice_sockets_waiting_bytes")).toBe(0);
    expect(value(text, "sluice_log_topics")).toBeGreaterThan(0);
    expect(value(text, "sluice_log_bytes")).toBeGreaterThan(100);
    expect(value(text, "sluice_store_seconds_count", 'operation="begin"')).toBe(2);
    expect(value(text, "sluice_event_loop_delay_seconds", 'quantile="0.99"')).toBeGreaterThanOrEqual(0);
  });

  it("has no label but these, and nothing that a client sent", () => {
    const samples = text.split("\n").filter((line) => line.startsWith("sluice_"));
    const labels = samples.flatMap((line) => [...line.matchAll(/(\w+)="/g)].map(([, label]) => label));
    expect([...new Set(labels)].sort()).toEqual(LABELS);
    for (const sent of ["thread-of-a-client", "run-of-it", "secret words", "nowhere"]) expect(text).not.toContain(sent);
  });

  it("is a counter's growth only: a second look changes none of the runs", async () => {
    const later = await scrape(sluice.url);
    const runs = (all: string) => all.split("\n").filter((line) => line.startsWith("sluice_run"));
    expect(runs(later)).toEqual(runs(text));
  });

  it.each([undefined, "Bearer wrong", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, TOKEN])(
    "is not for those who send %s",
    async (authorization) => {
      const response = await fetch(`${sluice.url}/metrics`, authorization ? { headers: { authorization } } : {});
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await response.text()).not.toContain("sluice_runs");
    },
  );
});

it("starts that wait for their thread are counted for as long as they wait", async () => {
  const model = new SteppedModel();
  const agents = { a: { graph: chatGraph(model), entry: { whenBusy: "enqueue" as const } } };
  const sluice = await startSluice(agents, { METRICS_TOKEN: TOKEN });
  const waiting = async () => value(await scrape(sluice.url), "sluice_starts_waiting");
  const first = await postRun(sluice.url, userInput("one", { threadId: "t" }));
  await expect.poll(waiting).toBe(0);
  const second = postRun(sluice.url, userInput("two", { threadId: "t" }));
  await expect.poll(waiting).toBe(1);
  model.say("a").end().say("b").end();
  await first.done;
  await (await second).done;
  await expect.poll(waiting).toBe(0);
  await sluice.close();
});

describe("where metrics are", () => {
  const graph = chatGraph(new SteppedModel({ always: ["one"] }));

  it("nowhere by default", async () => {
    const sluice = await startSluice({ a: { graph } });
    const response = await fetch(`${sluice.url}/metrics`);
    expect([response.status, await response.text()]).toEqual([
      404,
      expect.stringMatching(/METRICS_TOKEN.*METRICS_PORT/),
    ]);
    await sluice.close();
  });

  it("on METRICS_PORT and nowhere else", async () => {
    const port = await unusedPort();
    const sluice = await startSluice({ a: { graph } }, { METRICS_PORT: String(port) });
    const own = `http://127.0.0.1:${port}`;
    expect(await (await fetch(`${own}/metrics`)).text()).toContain("sluice_runs_active 0");
    expect((await fetch(`${own}/threads`)).status).toBe(404);
    expect((await fetch(`${sluice.url}/metrics`)).status).toBe(404);
    await sluice.close();
    await expect(fetch(`${own}/metrics`)).rejects.toThrow();
  });

  it("on METRICS_PORT for those who have the METRICS_TOKEN, when both are set", async () => {
    const port = await unusedPort();
    const sluice = await startSluice({ a: { graph } }, { METRICS_PORT: String(port), METRICS_TOKEN: TOKEN });
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(401);
    expect(await scrape(`http://127.0.0.1:${port}`)).toContain("sluice_runs_active 0");
    await sluice.close();
  });

  it("a METRICS_PORT that is taken stops the start, and nothing is left listening", async () => {
    const taken = createServer();
    await new Promise<void>((listening) => taken.listen(0, "127.0.0.1", listening));
    const { port } = taken.address() as AddressInfo;
    await expect(startSluice({ a: { graph } }, { METRICS_PORT: String(port) })).rejects.toThrow("EADDRINUSE");
    taken.close();
  });

  it("in code, for an app that embeds Sluice", async () => {
    const sluice = createSluice({ agents: { a: graph } });
    const { result } = await sluice.runs.start({ messages: [{ id: "1", role: "user", content: "hi" }] });
    await result;
    expect(value(await sluice.metrics(), "sluice_deltas_total", 'agent="a"')).toBe(1);
    await sluice.close();
  });
});

describe("the dashboard in config/grafana", () => {
  const file = new URL("../../config/grafana/sluice.json", import.meta.url);
  const { panels } = JSON.parse(readFileSync(file, "utf8")) as {
    panels: { targets?: { expr: string; legendFormat?: string }[] }[];
  };
  const queries = panels.flatMap(({ targets = [] }) => targets);
  const metricsIn = (query: string) => query.match(/\b(sluice|process|nodejs)_\w+/g) ?? [];

  it("asks for every metric that is measured", () => {
    const bases = queries.flatMap(({ expr }) => metricsIn(expr)).map((name) => name.replace(/_bucket$/, ""));
    expect(NAMES.filter((name) => !bases.includes(name.split(" ")[1] ?? ""))).toEqual([]);
  });

  it("asks for samples that there are, by labels that they have", async () => {
    const labelsOf = await samplesOfEverything();
    for (const { expr, legendFormat = "" } of queries) {
      const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = ""]) => labels.split(/,\s*/));
      const matched = [...expr.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = ""]) => label);
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
      const names = metricsIn(expr);
      expect(names.length, expr).toBeGreaterThan(0);
      for (const name of names) {
        expect([...labelsOf.keys()], expr).toContain(name);
        for (const label of [...grouped, ...matched]) expect(labelsOf.get(name), `${name} in ${expr}`).toContain(label);
      }
      for (const label of shown) expect(grouped, `the legend of ${expr}`).toContain(label);
    }
  });
});

/** Returns the labels of each sample by name, after everything that is counted has happened. */
async function samplesOfEverything(): Promise<ReadonlyMap<string, readonly string[]>> {
  const counts = new Counts();
  const { outcomes, failures, admitted, refused, tokens } = counts.agent("a");
  outcomes.count("done");
  failures.count("model_error");
  admitted.count("on_tool_end");
  refused.count("on_tool_start");
  tokens.count("input");
  counts.gaps.count("window");
  counts.slowConsumers.count("sse");
  counts.limits.count("MAX_CLIENT_RUNS");
  counts.storeTook("begin", 1);
  const metrics = metricsOf(counts, {
    activeRuns: () => 1,
    waitingStarts: () => 1,
    sockets: () => new Map([["agui", 1]]),
    waitingBytes: () => 1,
    log: () => ({ topics: 1, bytes: 1, followed: 1, unwritten: 1 }),
    logWrites: () => new Buckets([1]),
  });
  const samples = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line) => [
      /^\w+/.exec(line)?.[0] ?? "",
      [...line.matchAll(/(\w+)="/g)].map(([, label = ""]) => label),
    ]),
  );
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
