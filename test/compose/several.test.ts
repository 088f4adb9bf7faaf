/**
 * compose.several.yaml without its containers: its nginx in front of two processes of the build, Postgres and Redis.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { readSettings, settings } from "../../src/config/settings.ts";
import { EventType, type Message } from "../../src/protocol/events.ts";
import { killRest, type ServerProcess, serve } from "../support/child.ts";
import { temporaryFolder } from "../support/folder.ts";
import { endOf, followThread } from "../support/follower.ts";
import { freePort } from "../support/free-port.ts";
import { type SharedServers, startShared } from "../support/processes.ts";
import { postRun, textOf, userInput } from "../support/sse-client.ts";

interface Service {
  readonly environment?: Record<string, string>;
  readonly ports?: readonly string[];
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
  readonly depends_on?: Record<string, { readonly condition: string }>;
}

const NGINX = readFileSync("config/nginx.conf", "utf8");
const { services } = parse(readFileSync("compose.several.yaml", "utf8")) as { services: Record<string, Service> };
const replicas = Object.entries(services).filter(([name]) => name.startsWith("sluice-"));

describe("compose.several.yaml", () => {
  it("starts processes that are set up as several need it, with an nginx in front that knows them all", () => {
    expect(replicas).toHaveLength(2);
    for (const [name, { environment = {}, ...service }] of replicas) {
      const given = Object.entries(environment).map(([key, value]) => [key, value.replace(/\$\{.*?\}/g, "")]);
      for (const [key] of given) expect(Object.keys(settings.shape)).toContain(key);
      const read = readSettings(Object.fromEntries(given) as Record<string, string>);
      expect(read).toMatchObject({ TRUST_PROXY: { hops: 1 }, ALLOW_ANONYMOUS: true });
      expect(new URL(read.DATABASE_URL ?? "").hostname in services).toBe(true);
      expect(new URL(read.REDIS_URL ?? "").hostname in services).toBe(true);
      expect(Number.parseInt(service.stop_grace_period ?? "", 10)).toBeGreaterThan(read.DRAIN_SECONDS);
      expect(service.read_only).toBe(true);
      expect(NGINX).toContain(`server ${name}:8123 `);
    }
  });

  it("is published to this machine alone, and waits for the health of what each needs", () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(published).toEqual([["nginx", "127.0.0.1:8123:8123"]]);
    for (const { depends_on = {} } of Object.values(services)) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        expect(condition).toBe("service_healthy");
        // The image of Sluice has a health check.
        expect(needed.startsWith("sluice-") || services[needed]?.healthcheck !== undefined).toBe(true);
      }
    }
  });
});

describe("its nginx", () => {
  const folder = temporaryFolder();
  let shared: SharedServers;
  let all: [ServerProcess, ServerProcess];
  let nginx: ChildProcess;
  let url: string;
  beforeAll(async () => {
    shared = await startShared();
    const { databaseUrl: DATABASE_URL, prefix: REDIS_PREFIX } = await shared.deployment();
    const agents = { assistant: { graph: `${resolve("dist/agents/graphs.js")}:assistant`, recover: true } };
    writeFileSync(join(folder, "agents.json"), JSON.stringify({ agents }));
    // Four followers come while an answer is under way, also on a busy machine.
    const slow = { DEMO_TOKENS_PER_SECOND: "3", DEMO_JITTER: "0", STREAM_TIMEOUT_SECONDS: "600" };
    const env = {
      DATABASE_URL,
      REDIS_URL: shared.redis.url,
      REDIS_PREFIX,
      CONFIG_DIR: folder,
      TRUST_PROXY: "1",
      ...slow,
    };
    const start = () => serve(env);
    all = await Promise.all([start(), start()]);
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    nginx = await startNginx(port);
  });
  afterAll(async () => {
    nginx.kill("SIGTERM");
    if (nginx.exitCode === null) await once(nginx, "close");
    killRest();
    await shared.stop();
  });

  /** Starts nginx with the configuration. Only addresses and the paths that nginx writes to differ. */
  async function startNginx(port: number): Promise<ChildProcess> {
    const kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`);
    let conf = NGINX.replace("http {", `http {\n    ${kept.join(" ")}`).replace(
      "listen 8123",
      `listen 127.0.0.1:${port}`,
    );
    for (const [index, [name]] of replicas.entries()) {
      conf = conf.replace(`${name}:8123`, new URL((all[index] as ServerProcess).url).host);
    }
    mkdirSync(join(folder, "nginx"));
    writeFileSync(join(folder, "nginx", "nginx.conf"), `daemon off;\npid nginx.pid;\n${conf}`);
    const child = spawn("nginx", ["-p", join(folder, "nginx"), "-c", "nginx.conf", "-e", "stderr"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr?.on("data", (text: Buffer) => {
      said += text.toString();
    });
    const answers = async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${said}`);
      expect((await fetch(`${url}/healthz`)).ok).toBe(true);
    };
    await vi.waitFor(answers, { timeout: 60_000, interval: 20 });
    return child;
  }

  const messages = async (threadId: string) =>
    ((await (await fetch(`${url}/threads/${threadId}/messages`)).json()) as { messages: Message[] }).messages;
  const said = (all: readonly Message[]) => all.map(({ role, content = "" }) => [role, content]);

  it("streams a run over SSE to its starter, and over WebSockets to its followers, piece by piece", async () => {
    const input = userInput("What is 12 * 7?");
    const run = await postRun(url, input);
    await run.until(EventType.TOOL_CALL_RESULT);
    expect(run.events.at(-1)?.type).not.toBe(EventType.RUN_FINISHED);
    // One after the other, they are spread over the processes.
    const followers = Array.from({ length: 4 }, () => followThread(url, input.threadId));
    for (const follower of followers) await follower.until(({ type }) => type === EventType.TEXT_MESSAGE_CONTENT);
    expect(run.events.at(-1)?.type).not.toBe(EventType.RUN_FINISHED);
    const events = await run.done;
    expect(textOf(events)).toContain("84");
    for (const follower of followers) {
      await follower.until(endOf(input.runId));
      expect(said(follower.messages)).toEqual(said(await messages(input.threadId)));
      follower.close();
    }
  });

  it("leads followers to the other process when one is stopped, and starts go there too", async () => {
    const input = userInput("What is 12 * 7?");
    const run = await postRun(url, input);
    run.done.catch(() => {}); // Its process may be the one that is stopped.
    const followers = Array.from({ length: 4 }, () => followThread(url, input.threadId));
    for (const follower of followers) await follower.until(({ type }) => type === EventType.TEXT_MESSAGE_CONTENT);
    expect(await all[0].stop()).toMatchObject({ code: 0, stderr: "" });
    for (const follower of followers) await follower.until(endOf(input.runId));
    const transcript = said(await messages(input.threadId));
    expect(JSON.stringify(transcript)).toContain("84");
    for (const follower of followers) {
      expect(said(follower.messages)).toEqual(transcript);
      expect(new Set(follower.cursors).size).toBe(follower.cursors.length);
      follower.close();
    }
    const next = await Promise.all(Array.from({ length: 4 }, () => postRun(url, userInput("What is 2 + 3?"))));
    for (const { done } of next) expect(textOf(await done)).toContain("5");
  });
});
