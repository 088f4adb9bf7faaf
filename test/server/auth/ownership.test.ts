/**
 * Threads belong to the principal that made them. For another principal they do not exist, on every route and frame.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { formatApiKey } from "../../../src/config/keys.ts";
import { SUBPROTOCOL } from "../../../src/protocol/frames.ts";
import { DEFAULT_SCOPES, type Scope } from "../../../src/protocol/scopes.ts";
import { makeApiKey } from "../../../src/server/auth/api-keys.ts";
import { Database } from "../../../src/store/database.ts";
import { MemoryStore } from "../../../src/store/memory.ts";
import { SqliteStore } from "../../../src/store/sqlite.ts";
import type { Store } from "../../../src/store/store.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { connect } from "../../support/ws-client.ts";

const folder = temporaryFolder();

function key(name: string, scopes: readonly Scope[] = DEFAULT_SCOPES) {
  const made = makeApiKey(name, scopes);
  return { token: made.key, setting: formatApiKey({ ...made.known, scopes: [...scopes] }) };
}

const KEYS = {
  ann: key("ann"),
  bob: key("bob"),
  root: key("root", ["admin"]),
  reader: key("ann", ["watch"]),
  runner: key("ann", ["run"]),
};
type Who = keyof typeof KEYS;

const THREAD = "a thread";
const PATH = encodeURIComponent(THREAD);

describe.each<[string, () => Store]>([
  ["memory", () => new MemoryStore(1_000, () => {})],
  ["SQLite", () => new SqliteStore(Database.open(join(folder, "owners.db")))],
])("with threads kept in %s", (_, makeStore) => {
  let sluice: TestSluice;
  let store: Store;
  beforeAll(async () => {
    store = makeStore();
    const model = new SteppedModel({ always: ["hello"] });
    const API_KEYS = Object.values(KEYS)
      .map(({ setting }) => setting)
      .join(",");
    sluice = await startSluice({ chat: { graph: chatGraph(model) } }, { AUTH: "api-key", API_KEYS }, { store });
    expect((await chat("ann", "SECRET of Ann")).status).toBe(200);
  });
  afterAll(() => sluice.close());

  async function ask(
    who: Who | undefined,
    path: string,
    { method = "GET", body, ...headers }: Record<string, unknown> = {},
  ) {
    const response = await fetch(`${sluice.url}${path}`, {
      method: String(method),
      headers: {
        ...(who ? { Authorization: `Bearer ${KEYS[who].token}` } : {}),
        ...(body ? { "Content-Type": "application/json" } : {}),
        ...(headers as Record<string, string>),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(5_000),
    });
    return response;
  }

  const chat = (who: Who, message: string, threadId = THREAD) =>
    ask(who, "/chat", { method: "POST", body: { message, threadId } });

  /** Status, body and calls of the store of one request. */
  async function observed(who: Who, path: string, init: Record<string, unknown>) {
    const calls: string[] = [];
    const spies = (
      [
        "thread",
        "threadKey",
        "claimThread",
        "threadName",
        "threadSummary",
        "threadStatus",
        "threads",
        "run",
        "runs",
        "admit",
      ] as const
    ).map((name) =>
      vi.spyOn(store, name).mockImplementationOnce(function (this: Store, ...args: unknown[]) {
        calls.push(name);
        return Reflect.apply(Object.getPrototypeOf(this)[name], this, args);
      } as never),
    );
    const response = await ask(who, path, init);
    const body = await response.text();
    for (const spy of spies) spy.mockRestore();
    return { status: response.status, body, calls };
  }

  it.each<[string, string, Record<string, unknown>]>([
    ["a look at it", "/threads/ID", {}],
    ["its messages", "/threads/ID/messages", {}],
    ["its deletion", "/threads/ID", { method: "DELETE" }],
    ["a cancellation", "/agui/agent/chat/stop/ID", { method: "POST" }],
  ])("%s is not_found for another principal, as of a thread that is not there", async (_, path, init) => {
    const others = await observed("bob", path.replace("ID", PATH), init);
    const missing = await observed("bob", path.replace("ID", "nothing%20here"), init);
    expect(others).toEqual(missing);
    expect(others.calls).toContain("threadKey");
    expect(others.status).toBe(404);
    expect(JSON.parse(others.body)).toMatchObject({ error: { code: "not_found" } });
    expect(JSON.stringify(await (await ask("ann", `/threads/${PATH}/messages`)).json())).toContain("SECRET of Ann");
  });

  it("its owner gets it under the id that the owner chose", async () => {
    expect(await (await ask("ann", `/threads/${PATH}`)).json()).toMatchObject({ threadId: THREAD });
  });

  it("connect begins an empty thread for another principal, also with a cursor of the owner's", async () => {
    const { cursor } = (await (await ask("ann", `/threads/${PATH}`)).json()) as { cursor: string };
    for (const after of [undefined, `${cursor.split(":")[0]}:0`]) {
      const body = { threadId: THREAD, ...(after ? { after } : {}) };
      const text = await (await ask("bob", "/agui/agent/chat/connect", { method: "POST", body })).text();
      expect(text).toContain("RUN_FINISHED");
      expect(text).not.toContain("SECRET");
      const own = await (await ask("ann", "/agui/agent/chat/connect", { method: "POST", body })).text();
      expect(own).toContain("SECRET");
    }
  });

  it("a subscription, a cancel, stats and the other formats of a socket meet nothing either", async () => {
    const headers = { Authorization: `Bearer ${KEYS.bob.token}` };
    const frames = await connect(`${sluice.ws}/ws`, { headers }, [SUBPROTOCOL]);
    const topic = `thread:${PATH}`;
    frames.send({ type: "subscribe", id: "1", topic });
    frames.send({ type: "stats", id: "2", topic });
    frames.send({ type: "cancel", id: "3", threadId: THREAD });
    frames.send({ type: "ping", id: "4" });
    const sent = (await frames.until((frame) => frame.includes('"not_found"'))).join("\n");
    expect(sent).not.toContain("SECRET");
    await frames.close();
    for (const format of ["agui", "langgraph", "text"]) {
      const socket = await connect(`${sluice.ws}/ws?format=${format}&thread=${PATH}`, { headers });
      socket.send({ type: "resume", payload: {} });
      const answers = (await socket.until((frame) => frame.includes("waits for an answer"))).join("\n");
      expect(answers).not.toContain("SECRET");
      await socket.close();
    }
  });

  it("two principals use one id for two threads; ids are their own, and keys are nobody's", async () => {
    const answer = await chat("bob", "I am Bob");
    expect(((await answer.json()) as { threadId: string }).threadId).toBe(THREAD);
    const anns = JSON.stringify(await (await ask("ann", `/threads/${PATH}/messages`)).json());
    const bobs = JSON.stringify(await (await ask("bob", `/threads/${PATH}/messages`)).json());
    expect([anns.includes("I am Bob"), bobs.includes("SECRET")]).toEqual([false, false]);
    const run = await ask("bob", "/agui", {
      method: "POST",
      body: { threadId: THREAD, runId: "run", messages: [{ id: "m", role: "user", content: "again" }] },
    });
    const events = await run.text();
    expect(events).toContain(`"threadId":"${THREAD}"`);
    for (const who of ["ann", "bob"] as const) {
      const list = (await (await ask(who, "/threads")).json()) as { threads: { threadId: string }[] };
      expect(list.threads.map(({ threadId }) => threadId)).toEqual([THREAD]);
    }
    expect(`${events}${anns}${bobs}`).not.toMatch(/~[\w-]{32}/);
  });

  it("pages of a list lead on by the client's own ids", async () => {
    for (const id of ["p1", "p2", "p3"]) await chat("ann", "page", id);
    const seen: string[] = [];
    let before = "";
    do {
      const page = (await (await ask("ann", `/threads?limit=1${before}`)).json()) as {
        threads: { threadId: string }[];
        next?: string;
      };
      seen.push(...page.threads.map(({ threadId }) => threadId));
      expect(Buffer.from(page.next ?? "", "base64url").toString()).not.toContain("~");
      before = page.next === undefined ? "" : `&before=${page.next}`;
    } while (before !== "");
    expect(seen.sort()).toEqual([THREAD, "p1", "p2", "p3"]);
  });

  it("a deleted id that is used again revives nothing, and has another key", async () => {
    await chat("ann", "first", "again");
    const [before] = await Promise.all([store.threadKey("api-key::ann", "again")]);
    expect((await ask("ann", "/threads/again", { method: "DELETE" })).status).toBe(204);
    expect((await ask("ann", "/threads/again/messages")).status).toBe(404);
    await chat("ann", "second", "again");
    expect(await store.threadKey("api-key::ann", "again")).not.toBe(before);
    expect(JSON.stringify(await (await ask("ann", "/threads/again/messages")).json())).not.toContain("first");
  });

  it("a key of a thread is an id that no client can use", async () => {
    const id = await store.threadKey("api-key::ann", THREAD);
    for (const who of ["ann", "bob", "root"] as const) {
      expect((await ask(who, `/threads/${encodeURIComponent(String(id))}/messages`)).status).toBe(400);
    }
    expect((await chat("bob", "mine now", id)).status).toBe(400);
    const nobodys = await ask("root", `/threads/${encodeURIComponent(String(id))}/messages?owner=`);
    expect(nobodys.status).toBe(400);
  });

  it("a watch of an id that is made later is sent the run", async () => {
    const watch = await ask("ann", "/threads/later/events");
    const reader = (watch.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    await chat("ann", "now", "later");
    while (!text.includes("hello")) text += new TextDecoder().decode((await reader.read()).value);
    await reader.cancel();
  });

  it("an admin lists everybody's threads with their owners, and reads them; others may not", async () => {
    const { threads } = (await (await ask("root", "/threads?owner=*")).json()) as {
      threads: { threadId: string; owner: string }[];
    };
    expect(
      threads
        .filter(({ threadId }) => threadId === THREAD)
        .map(({ owner }) => owner)
        .sort(),
    ).toEqual(["api-key::ann", "api-key::bob"]);
    const messages = await ask("root", `/threads/${PATH}/messages?owner=api-key::ann`);
    expect(await messages.text()).toContain("SECRET");
    expect((await ask("bob", `/threads/${PATH}/messages?owner=api-key::ann`)).status).toBe(403);
    expect((await ask("bob", "/threads?owner=*")).status).toBe(403);
  });

  it("scopes say what a key may do", async () => {
    expect((await ask("reader", `/threads/${PATH}/messages`)).status).toBe(200);
    expect((await chat("reader", "no")).status).toBe(403);
    expect((await ask("reader", `/threads/${PATH}`, { method: "DELETE" })).status).toBe(403);
    expect((await ask("reader", `/agui/agent/chat/stop/${PATH}`, { method: "POST" })).status).toBe(403);
    expect((await ask("runner", `/threads/${PATH}/messages`)).status).toBe(403);
    expect((await ask("runner", "/threads")).status).toBe(403);
    expect((await ask("runner", `/threads/${PATH}/events`)).status).toBe(403);
    expect((await chat("runner", "yes", "of the runner")).status).toBe(200);
  });

  it("threads of nobody are seen by an admin only", async () => {
    await store.claimThread("api-key::ann", "unused");
    expect((await ask("root", "/threads?owner=")).status).toBe(200);
    expect((await ask(undefined, "/threads")).status).toBe(401);
  });
});
