/** A link that lets others watch one thread, and nothing else. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatApiKey } from "../../../src/config/keys.ts";
import { SUBPROTOCOL } from "../../../src/protocol/frames.ts";
import { DEFAULT_SCOPES, type Scope } from "../../../src/protocol/scopes.ts";
import { makeApiKey } from "../../../src/server/auth/api-keys.ts";
import { MemoryStore } from "../../../src/store/memory.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { eventsOf } from "../../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";
import { connect, isType, type WsClient } from "../../support/ws-client.ts";

const scoped = (name: string, scopes: readonly Scope[]) => makeApiKey(name, scopes);
const KEYS = {
  ann: scoped("ann", DEFAULT_SCOPES),
  watcher: scoped("ann", ["watch"]),
  bob: scoped("bob", DEFAULT_SCOPES),
};
type Who = keyof typeof KEYS;
const API_KEYS = Object.values(KEYS)
  .map(({ known }) => formatApiKey({ ...known, scopes: [...known.scopes] }))
  .join(",");

let sluice: TestSluice;
let other: TestSluice | undefined;
let model: SteppedModel;
let store: MemoryStore;
const start = () => {
  const entry = { orphanGraceSeconds: 0.05 };
  return startSluice({ chat: { graph: chatGraph(model), entry } }, { AUTH: "api-key", API_KEYS }, { store });
};
beforeEach(async () => {
  model = new SteppedModel();
  store = new MemoryStore(100, () => {});
  sluice = await start();
});
afterEach(async () => {
  await sluice.close();
  await other?.close();
  other = undefined;
});

function ask(who: Who | undefined, method: string, path: string, body?: object): Promise<Response> {
  const headers = { "Content-Type": "application/json", ...(who ? { "X-API-Key": KEYS[who].key } : {}) };
  return fetch(`${sluice.url}${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
}

/** Ann's thread with one answer in it. */
async function said(threadId = "hers"): Promise<void> {
  model.say("Hello").end();
  await (await ask("ann", "POST", "/agui", userInput("hi", { threadId }))).text();
}

async function share(body?: object): Promise<{ share: string; secret: string; expiresAt?: number }> {
  const response = await ask("ann", "POST", "/threads/hers/shares", body);
  expect(response.status).toBe(201);
  expect(response.headers.get("cache-control")).toBe("no-store");
  return (await response.json()) as Awaited<ReturnType<typeof share>>;
}

async function redeem(secret: string): Promise<{ ticket: string; threadId: string }> {
  const response = await ask(undefined, "POST", "/shares/tickets", { secret });
  expect(response.status).toBe(201);
  return (await response.json()) as { ticket: string; threadId: string };
}

async function reader(secret: string, protocol?: string): Promise<WsClient> {
  const { ticket, threadId } = await redeem(secret);
  expect(threadId).toBe("hers");
  const thread = protocol ? "" : `&thread=${threadId}`;
  return connect(`${sluice.ws}/ws?ticket=${ticket}${thread}`, {}, protocol ? [protocol] : []);
}

it("watches a run from its start to its end, in either format, and gets no more than others", async () => {
  await said();
  const { secret } = await share();
  const plain = await reader(secret);
  const framed = await reader(secret, SUBPROTOCOL);
  framed.send({ type: "subscribe", id: "s", topic: "thread:hers" });
  await framed.until(isType("ack"));
  model.say("And", " more").end();
  const run = ask("ann", "POST", "/agui", userInput("go on", { threadId: "hers" }));
  const events = eventsOf(await plain.until(isType("RUN_FINISHED")));
  await verifyRun(events);
  expect(JSON.stringify(events)).toContain("more");
  const frames = await framed.until((frame) => frame.includes("RUN_FINISHED") && frame.includes("more") === false);
  expect(frames.join()).toContain("Hello");
  await (await run).text();
  await Promise.all([plain.close(), framed.close()]);
});

describe("a reader", () => {
  it("cannot write, cancel, answer, or read anything else", async () => {
    await said();
    await said("another");
    const { secret } = await share();
    const framed = await reader(secret, SUBPROTOCOL);
    const tries: [object, string][] = [
      [{ type: "run", input: userInput("mine", { threadId: "hers" }) }, "forbidden"],
      [{ type: "run", input: userInput("mine", { threadId: "another" }) }, "forbidden"],
      [{ type: "cancel", threadId: "hers" }, "forbidden"],
      [{ type: "stats", topic: "thread:hers" }, "forbidden"],
    ];
    for (const [index, [frame, code]] of tries.entries()) {
      framed.send({ ...frame, id: `${index}` });
      const frames = await framed.until((text) => text.includes(`"id":"${index}"`));
      expect(JSON.parse(frames.at(-1) ?? "")).toMatchObject({ type: "error", code });
    }
    framed.send({ type: "subscribe", id: "other", topic: "thread:another" });
    await framed.until((text) => text.includes('"id":"other"'));
    framed.send({ type: "ping", id: "end" });
    expect((await framed.until(isType("pong"))).join()).not.toContain("Hello");
    await framed.close();

    const plain = await reader(secret);
    plain.send("mine");
    expect((await plain.until(isType("RUN_ERROR"))).join()).toContain("forbidden");
    plain.send({ type: "cancel" });
    await plain.until((text) => plain.frames.indexOf(text) > 0 && text.includes("forbidden"));
    await plain.close();
    expect(model.prompts).toHaveLength(2);
  });

  it.each(["langgraph", "text"])("gets no %s", async (format) => {
    await said();
    const { ticket } = await redeem((await share()).secret);
    await expect(connect(`${sluice.ws}/ws?ticket=${ticket}&thread=hers&format=${format}`)).rejects.toThrow("403");
  });

  it("opens one socket with a ticket, and no more", async () => {
    await said();
    const { ticket } = await redeem((await share()).secret);
    await (await connect(`${sluice.ws}/ws?ticket=${ticket}&thread=hers`)).close();
    await expect(connect(`${sluice.ws}/ws?ticket=${ticket}&thread=hers`)).rejects.toThrow("401");
  });

  it("is no audience: a run that only readers of shares follow ends with its grace", async () => {
    await said();
    const plain = await reader((await share()).secret);
    const leaving = new AbortController();
    const run = fetch(`${sluice.url}/agui`, {
      method: "POST",
      signal: leaving.signal,
      headers: { "Content-Type": "application/json", "X-API-Key": KEYS.ann.key },
      body: JSON.stringify(userInput("go on", { threadId: "hers" })),
    });
    model.say("Half");
    await (await run).body?.getReader().read();
    leaving.abort();
    const events = eventsOf(await plain.until(isType("RUN_FINISHED", "RUN_ERROR")));
    expect(JSON.stringify(events.at(-1))).toContain("cancelled");
    await plain.close();
  });
});

describe("a share", () => {
  it("that is revoked cuts its readers within 5 s, and opens nothing more; others go on", async () => {
    await said();
    const [one, two] = [await share(), await share()];
    const late = await redeem(one.secret);
    const readers = [await reader(one.secret), await reader(one.secret, SUBPROTOCOL)];
    const stays = await reader(two.secret);
    const listed = await (await ask("ann", "GET", "/threads/hers/shares")).json();
    expect(listed).toMatchObject({ shares: [{ share: one.share }, { share: two.share }] });
    expect(JSON.stringify(listed)).not.toContain(one.secret);
    const revokedAt = Date.now();
    expect((await ask("ann", "DELETE", `/threads/hers/shares/${one.share}`)).status).toBe(204);
    expect((await ask("ann", "DELETE", `/threads/hers/shares/${one.share}`)).status).toBe(404);
    for (const { closed } of readers) expect(await closed).toMatchObject({ code: 4401 });
    expect(Date.now() - revokedAt).toBeLessThan(5_000);
    expect((await ask(undefined, "POST", "/shares/tickets", { secret: one.secret })).status).toBe(401);
    // A socket opened with an earlier ticket is cut too.
    const after = await connect(`${sluice.ws}/ws?ticket=${late.ticket}&thread=hers`);
    expect(await after.closed).toMatchObject({ code: 4401 });
    expect(stays.socket.readyState).toBe(stays.socket.OPEN);
    await stays.close();
  });

  it("is revoked for the sockets of all processes that share the store", async () => {
    await said();
    const { secret, share: id } = await share();
    const plain = await reader(secret);
    other = await start();
    const headers = { "X-API-Key": KEYS.ann.key };
    const revoked = await fetch(`${other.url}/threads/hers/shares/${id}`, { method: "DELETE", headers });
    expect(revoked.status).toBe(204);
    expect(await plain.closed).toMatchObject({ code: 4401 });
  });

  it("ends with its time, and with its thread", async () => {
    await said();
    const short = await share({ expiresInSeconds: 1 });
    const brief = await reader(short.secret);
    expect(await brief.closed).toMatchObject({ code: 4401 });
    expect((await ask(undefined, "POST", "/shares/tickets", { secret: short.secret })).status).toBe(401);
    const { secret } = await share();
    const plain = await reader(secret);
    expect((await ask("ann", "DELETE", "/threads/hers")).status).toBe(204);
    expect(await plain.closed).toMatchObject({ code: 4401 });
    await said();
    expect((await ask(undefined, "POST", "/shares/tickets", { secret })).status).toBe(401);
    expect(await (await ask("ann", "GET", "/threads/hers/shares")).json()).toEqual({ shares: [] });
  });

  it("is made by those that may write the thread, of a thread that is there, and not without bound", async () => {
    await said();
    expect((await ask("watcher", "POST", "/threads/hers/shares")).status).toBe(403);
    expect((await ask("watcher", "GET", "/threads/hers/shares")).status).toBe(403);
    expect((await ask("bob", "POST", "/threads/hers/shares")).status).toBe(404);
    expect((await ask("ann", "POST", "/threads/none/shares")).status).toBe(404);
    expect((await ask("ann", "POST", "/threads/hers/shares", { expiresInSeconds: 0 })).status).toBe(400);
    for (let index = 0; index < 100; index += 1) await share();
    const full = await ask("ann", "POST", "/threads/hers/shares");
    expect(full.status).toBe(503);
    expect(await full.text()).toContain("Revoke one first");
  });

  it.each([
    ["nothing", {}],
    ["no text", { secret: 1 }],
    ["a guess", { secret: "x".repeat(43) }],
    ["too much", { secret: "x".repeat(5_000) }],
  ])("is not opened by %s", async (_, body) => {
    await said();
    await share();
    const { status } = await ask(undefined, "POST", "/shares/tickets", body);
    expect([400, 401, 413]).toContain(status);
  });

  it("keeps no secret in the store", async () => {
    await said();
    const { secret } = await share();
    const kept: unknown[] = [];
    const { keep } = store.tickets;
    store.tickets.keep = (...args) => {
      kept.push(args);
      return keep.apply(store.tickets, args);
    };
    const { ticket } = await redeem(secret);
    expect(JSON.stringify(kept)).not.toContain(secret);
    expect(JSON.stringify(kept)).not.toContain(ticket);
    expect(await store.shares.find(secret)).toBeUndefined();
  });
});
