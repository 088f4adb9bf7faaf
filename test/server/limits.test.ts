/** What one client may do. Clients are known by the address that a trusted proxy names. */
import { afterEach, describe, expect, it } from "vitest";
import { createSluice } from "../../src/app/sluice.ts";
import { readSettings } from "../../src/config/settings.ts";
import { Counts } from "../../src/counts/counts.ts";
import { Limits } from "../../src/limits/limits.ts";
import { startHost } from "../support/host.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connect, isType } from "../support/ws-client.ts";

const ONE = "203.0.113.1";
const OTHER = "203.0.113.2";
const TOKEN = "metrics-token-of-this-test";

let sluice: TestSluice;
afterEach(() => sluice?.close());

async function start(env: Record<string, string>, model = new SteppedModel({ always: ["hi"] })): Promise<void> {
  sluice = await startSluice({ it: { graph: chatGraph(model) } }, { TRUST_PROXY: "1", METRICS_TOKEN: TOKEN, ...env });
}

const from = (address: string) => ({ "X-Forwarded-For": address });

function ask(address: string, threadId: string): Promise<Response> {
  const headers = { ...from(address), "Content-Type": "application/json" };
  return fetch(`${sluice.url}/agui`, { method: "POST", headers, body: JSON.stringify(userInput("hi", { threadId })) });
}

function socket(address: string, query = "") {
  return connect(`${sluice.ws}/ws${query}`, { headers: from(address) });
}

async function refused(limit: string): Promise<string | undefined> {
  const response = await fetch(`${sluice.url}/metrics`, { headers: { Authorization: `Bearer ${TOKEN}` } });
  return new RegExp(`^sluice_limits_hit_total\\{limit="${limit}"\\} (\\d+)$`, "m").exec(await response.text())?.[1];
}

async function expectRefusal(response: Response, limit: string): Promise<void> {
  expect(response.status).toBe(429);
  const { error } = (await response.json()) as { error: { details: { retryAfterSeconds: number } } };
  expect(error).toMatchObject({ code: "rate_limited", retryable: true, message: expect.stringContaining(limit) });
  expect(response.headers.get("retry-after")).toBe(String(error.details.retryAfterSeconds));
  expect(error.details.retryAfterSeconds).toBeGreaterThan(0);
  expect(error.details.retryAfterSeconds).toBeLessThanOrEqual(60);
}

describe("one client, beside another that is not affected,", () => {
  it("starts MAX_RUNS_PER_MINUTE and no more; attaching to a run starts none", async () => {
    await start({ MAX_RUNS_PER_MINUTE: "2" });
    for (const thread of ["a", "b"]) expect(await (await ask(ONE, thread)).text()).toContain("RUN_FINISHED");
    await expectRefusal(await ask(ONE, "c"), "MAX_RUNS_PER_MINUTE");
    expect(await (await ask(OTHER, "d")).text()).toContain("RUN_FINISHED");
    expect(await refused("MAX_RUNS_PER_MINUTE")).toBe("1");
  });

  it("has MAX_CLIENT_RUNS at once, and may start another when one has ended", async () => {
    const model = new SteppedModel();
    await start({ MAX_CLIENT_RUNS: "1" }, model);
    const first = await ask(ONE, "a");
    await expectRefusal(await ask(ONE, "b"), "MAX_CLIENT_RUNS");
    const other = await ask(OTHER, "c");
    expect(other.status).toBe(200);
    await other.body?.cancel();
    while (sluice.runs.activeCount > 1) await new Promise((resolve) => setImmediate(resolve));
    model.say("x").end();
    expect(await first.text()).toContain("RUN_FINISHED");
    while (sluice.runs.activeCount > 0) await new Promise((resolve) => setImmediate(resolve));
    model.say("z").end();
    expect(await (await ask(ONE, "d")).text()).toContain("RUN_FINISHED");
  });

  it("a run that cannot begin holds no place", async () => {
    await start({ MAX_CLIENT_RUNS: "1" });
    const headers = { ...from(ONE), "Content-Type": "application/json" };
    const body = JSON.stringify({ ...userInput("hi"), resume: [{ interruptId: "none", status: "resolved" }] });
    expect((await fetch(`${sluice.url}/agui`, { method: "POST", headers, body })).status).toBe(400);
    expect(await (await ask(ONE, "a")).text()).toContain("RUN_FINISHED");
  });

  it("has MAX_CLIENT_SOCKETS open, and may open another when one has closed", async () => {
    await start({ MAX_CLIENT_SOCKETS: "1" });
    const first = await socket(ONE);
    await expect(socket(ONE)).rejects.toThrow("429");
    const other = await socket(OTHER);
    await first.close();
    while (sluice.sockets.size > 1) await new Promise((resolve) => setImmediate(resolve));
    await (await socket(ONE)).close();
    await other.close();
  });

  it("refused upgrades hold no place", async () => {
    await start({ MAX_CLIENT_SOCKETS: "1" });
    await expect(socket(ONE, "?agent=nobody")).rejects.toThrow("404");
    await (await socket(ONE)).close();
  });

  it("opens MAX_HANDSHAKES_PER_MINUTE sockets, whatever becomes of them", async () => {
    await start({ MAX_HANDSHAKES_PER_MINUTE: "2" });
    await (await socket(ONE)).close();
    await expect(socket(ONE, "?agent=nobody")).rejects.toThrow("404");
    await expect(socket(ONE)).rejects.toThrow("429");
    await (await socket(OTHER)).close();
  });

  it("sends MAX_REQUESTS_PER_MINUTE, over HTTP", async () => {
    await start({ MAX_REQUESTS_PER_MINUTE: "2" });
    const list = (address: string) => fetch(`${sluice.url}/threads`, { headers: from(address) });
    for (const _ of [1, 2]) expect((await list(ONE)).status).toBe(200);
    await expectRefusal(await list(ONE), "MAX_REQUESTS_PER_MINUTE");
    expect((await list(OTHER)).status).toBe(200);
    for (const probe of ["healthz", "readyz"]) {
      expect((await fetch(`${sluice.url}/${probe}`, { headers: from(ONE) })).status).toBe(200);
    }
  });

  it("and over a WebSocket, which closes with 4429", async () => {
    await start({ MAX_REQUESTS_PER_MINUTE: "2" });
    const [one, other] = [await socket(ONE), await socket(OTHER)];
    for (const _ of [1, 2, 3]) one.send({ type: "ping" });
    expect(await one.closed).toMatchObject({ code: 4429 });
    other.send({ type: "ping" });
    await other.until(isType("CUSTOM"));
    await other.close();
  });
});

it("addresses of one IPv6 network are one client", async () => {
  await start({ MAX_RUNS_PER_MINUTE: "1" });
  await (await ask("2001:db8:1:2::1", "a")).text();
  await expectRefusal(await ask("2001:db8:1:2:ffff::9", "b"), "MAX_RUNS_PER_MINUTE");
  expect((await ask("2001:db8:1:3::1", "c")).status).toBe(200);
});

it("an address that no trusted proxy names changes nothing: clients on this machine are not counted", async () => {
  await start({ MAX_RUNS_PER_MINUTE: "1", TRUST_PROXY: "" });
  for (const thread of ["a", "b"]) expect((await ask(ONE, thread)).status).toBe(200);
});

it("a principal is one client, wherever it comes from", async () => {
  await start({});
  const request = (address: string) => ({ socket: { remoteAddress: address }, headers: {} }) as never;
  const env = { MAX_RUNS_PER_MINUTE: "1" };
  const counts = new Counts();
  const limits = new Limits(readSettings(env), counts.limits);
  await limits.run({ request: request(ONE), principal: "ann" });
  await expect(limits.run({ request: request(OTHER), principal: "ann" })).rejects.toThrow("MAX_RUNS_PER_MINUTE");
  await limits.run({ request: request(ONE), principal: "ben" });
  expect([...counts.limits]).toEqual([["MAX_RUNS_PER_MINUTE", 1]]);
});

it("an address that had MAX_FAILED_SIGN_INS_PER_MINUTE refused waits, even with the right credential", async () => {
  const graph = chatGraph(new SteppedModel({ always: ["hi"] }));
  const embedded = createSluice({
    agents: { graph },
    trustProxy: 1,
    maxFailedSignInsPerMinute: 2,
    authorize: ({ headers }) => headers.authorization === "right",
  });
  const host = await startHost((app, server) => {
    app.use("/", embedded.router);
    embedded.attach(server);
  });
  const status = async (address: string, authorization: string) =>
    (await fetch(`${host.url}/threads`, { headers: { ...from(address), authorization } })).status;
  expect(await status(ONE, "wrong")).toBe(401);
  expect(await status(ONE, "right")).toBe(200);
  expect(await status(ONE, "wronger")).toBe(401);
  expect(await status(ONE, "right")).toBe(429);
  await expect(connect(`${host.ws}/ws`, { headers: { ...from(ONE), authorization: "right" } })).rejects.toThrow("429");
  expect(await status(OTHER, "right")).toBe(200);
  expect(await embedded.metrics()).toContain("sluice_auth_failures_total 2");
  await embedded.close();
  await host.close();
});
