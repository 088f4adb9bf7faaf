/** A connection with a fake server and a fake clock. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConnectionOptions, type ConnectionState, SluiceConnection } from "../../src/client/connection.ts";
import { userInput } from "../support/sse-client.ts";
import { FakeServer } from "./fake-server.ts";
import { Ear } from "./follow.ts";

let server: FakeServer;
let states: ConnectionState[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  server = new FakeServer();
  states = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function client(options: Partial<ConnectionOptions> = {}): SluiceConnection {
  const { WebSocket } = server;
  return new SluiceConnection({ url: "http://host/ws", WebSocket, onState: (state) => states.push(state), ...options });
}

const input = userInput("hi", { threadId: "t", runId: "r" });
const delta = (text: string) => ({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: text });

/** Follows thread `t` after `e:3`. */
function following(narrowing: object = {}): { ear: Ear; connection: SluiceConnection } {
  const ear = new Ear();
  const connection = client();
  connection.subscribe("t", { after: "e:3", ...narrowing, ...ear.listener });
  server.socket.hello();
  server.socket.ack({ cursor: "e:3" });
  return { ear, connection };
}

function reconnect(): void {
  server.socket.shut(1006);
  vi.runOnlyPendingTimers();
  server.socket.hello();
}

/** Returns the time until the next attempt, in milliseconds. */
function pause(): number {
  const state = states.at(-1);
  if (state?.status !== "waiting") throw new Error(`It does not wait: ${state?.status}`);
  return state.retryAt - Date.now();
}

describe("opening", () => {
  it("connects when it is first used, by the subprotocol, and says nothing before hello", () => {
    const connection = client();
    expect(server.sockets).toEqual([]);
    connection.run(input);
    expect(server.socket.protocol).toBe("sluice.v1");
    expect(server.socket.sent).toEqual([]);
    server.socket.hello();
    expect(server.socket.sent).toMatchObject([{ type: "run", input: { runId: "r" }, protocol: "1.0" }]);
    expect(states.map(({ status }) => status)).toEqual(["connecting", "open"]);
  });

  it("needs a WebSocket", () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    Reflect.deleteProperty(globalThis, "WebSocket");
    try {
      expect(() => new SluiceConnection({ url: "ws://host" })).toThrow(/Pass one/);
    } finally {
      if (own) Object.defineProperty(globalThis, "WebSocket", own);
    }
  });

  it("leaves a socket that is not answered in ten seconds", () => {
    client().run(input);
    vi.advanceTimersByTime(9_999);
    expect(states.at(-1)).toMatchObject({ status: "connecting" });
    vi.advanceTimersByTime(1);
    expect(states.at(-1)).toMatchObject({ status: "waiting", error: { code: "unreachable" } });
    expect(server.socket.terminated).toBe(true);
  });
});

describe("coming back", () => {
  it("pauses twice as long after each failure, up to fifteen seconds, and begins anew once it was of use", () => {
    client().run(input);
    const pauses = Array.from({ length: 8 }, () => {
      server.socket.shut(1006);
      const ms = pause();
      vi.advanceTimersByTime(ms);
      return ms;
    });
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    server.socket.hello();
    server.socket.ack();
    server.socket.shut(1006);
    expect(pause()).toBe(250);
  });

  it("a server that says hello and no more does not count as one of use", () => {
    client().run(input);
    for (const expected of [250, 500]) {
      server.socket.hello();
      server.socket.shut(1006);
      expect(pause()).toBe(expected);
      vi.advanceTimersByTime(expected);
    }
  });

  it("the pause is any share of that", () => {
    vi.spyOn(Math, "random").mockReturnValue(0.1);
    client().run(input);
    server.socket.shut(1006);
    expect(pause()).toBe(25);
  });

  it("waits as long as a draining server asks for", () => {
    client().run(input);
    server.socket.hello();
    server.socket.say({ type: "draining", reconnectAfterMs: 3_210 });
    server.socket.shut(1012);
    expect(pause()).toBe(3_210);
  });

  it.each([
    [1012, 5_000],
    [1013, 5_250],
    [4429, 5_250],
    [1000, 250],
    [1009, 250],
    [1011, 250],
    [4290, 250],
    [4500, 250],
  ])("after %i it waits up to %i ms", (code, ms) => {
    client().run(input);
    server.socket.shut(code);
    expect(pause()).toBe(ms);
  });

  it("retryNow ends the pause", () => {
    const connection = client();
    connection.run(input);
    server.socket.shut(1006);
    connection.retryNow();
    expect(server.sockets).toHaveLength(2);
    vi.advanceTimersByTime(5_000);
    expect(server.sockets).toHaveLength(2);
  });

  it.each([
    [4400, "bad_request"],
    [4401, "unauthorized"],
    [4403, "forbidden"],
    [1002, "bad_request"],
    [1008, "forbidden"],
  ])("after %i it does not: %s", async (code, error) => {
    const ear = new Ear();
    const { confirmed } = client().run(input, ear.listener);
    server.socket.hello();
    server.socket.shut(code, "No.");
    await expect(confirmed).rejects.toMatchObject({ code: error, message: "No." });
    vi.advanceTimersByTime(3_600_000);
    expect(server.sockets).toHaveLength(1);
    expect(states.at(-1)).toMatchObject({ status: "closed", error: { code: error } });
    expect(ear.errors).toMatchObject([{ code: error }]);
  });

  it.each([
    [400, "bad_request"],
    [401, "unauthorized"],
    [403, "forbidden"],
    [404, "not_found"],
  ])("after a handshake that is refused with %i it does not: %s", async (status, error) => {
    const { confirmed } = client().run(input);
    server.socket.refuse(status);
    await expect(confirmed).rejects.toMatchObject({ code: error, message: /Unexpected server response/ });
    vi.advanceTimersByTime(3_600_000);
    expect(server.sockets).toHaveLength(1);
  });

  it.each([429, 500, 503])("after a handshake that is refused with %i it does", (status) => {
    client().run(input);
    server.socket.refuse(status);
    expect(states.at(-1)).toMatchObject({ status: "waiting", error: { code: "unreachable" } });
    vi.advanceTimersByTime(5_250);
    expect(server.sockets).toHaveLength(2);
  });

  it("gives up after the number of attempts it was given", () => {
    const ear = new Ear();
    client({ backoff: { attempts: 2 } }).run(input, ear.listener);
    server.socket.shut(1006);
    vi.advanceTimersByTime(250);
    server.socket.shut(1006);
    vi.advanceTimersByTime(3_600_000);
    expect(server.sockets).toHaveLength(2);
    expect(ear.errors).toMatchObject([{ code: "unreachable", retryable: true }]);
  });

  it("takes 2.3 heartbeats of silence for the end of a socket, whatever breaks it", () => {
    following();
    vi.advanceTimersByTime(30_000);
    server.socket.say({ type: "heartbeat" });
    vi.advanceTimersByTime(34_499);
    expect(states.at(-1)).toEqual({ status: "open" });
    vi.advanceTimersByTime(1);
    expect(states.at(-1)).toMatchObject({ status: "waiting" });
    expect(server.socket.terminated).toBe(true);
  });

  it("what a socket says after it was left is not heard", () => {
    const { ear } = following();
    const [old] = server.sockets;
    vi.advanceTimersByTime(34_500);
    old?.hello();
    old?.event("e:4", delta("late"));
    old?.shut(4401);
    expect(ear.events).toEqual([]);
    expect(states.at(-1)).toMatchObject({ status: "waiting" });
  });
});

describe("what is asked again on the next socket", () => {
  it("a run without an ack, as it was", () => {
    client().run(input, { agent: "a" });
    server.socket.hello();
    const [asked] = server.socket.sent;
    reconnect();
    expect(server.socket.sent).toEqual([asked]);
    expect(asked).toMatchObject({ type: "run", agent: "a", input: { runId: "r" } });
  });

  it("a run with an ack is followed from the last event, narrowed as before", () => {
    const ear = new Ear();
    client().run(input, { reasoning: false, ...ear.listener });
    server.socket.hello();
    server.socket.ack({ topic: "thread:t", cursor: "e:3" });
    reconnect();
    expect(server.socket.sent).toMatchObject([
      { type: "subscribe", topic: "thread:t", after: "e:3", reasoning: false, protocol: "1.0" },
    ]);
    server.socket.ack({ cursor: "e:3" });
    server.socket.event("e:4", delta("a"));
    reconnect();
    expect(server.socket.sent).toMatchObject([{ type: "subscribe", after: "e:4" }]);
    expect(server.socket.sent).toHaveLength(1);
  });

  it("every thread, each from its own cursor, and before what was not answered", () => {
    const { connection } = following();
    connection.subscribe("ü/2", new Ear().listener);
    server.socket.ack({ cursor: "f:9" });
    void connection.cancel("t").catch(() => {});
    reconnect();
    expect(server.socket.sent).toMatchObject([
      { type: "subscribe", topic: "thread:t", after: "e:3" },
      { type: "subscribe", topic: "thread:%C3%BC%2F2" },
      { type: "cancel", threadId: "t" },
    ]);
    // Its beginning was never complete.
    expect(server.socket.sent[1]).not.toHaveProperty("after");
  });

  it("a run that a draining server refused", () => {
    const ear = new Ear();
    client().run(input, ear.listener);
    server.socket.hello();
    const id = server.socket.sent[0]?.id;
    server.socket.say({ type: "error", id, code: "draining", message: "Going.", retryable: true });
    reconnect();
    expect(server.socket.sent).toMatchObject([{ type: "run" }]);
    expect(ear.errors).toEqual([]);
  });

  it("nothing that nobody waits for any more", () => {
    const { connection } = following();
    const run = connection.run({ ...input, threadId: "u" });
    run.unsubscribe();
    expect(server.socket.sent.at(-1)).toEqual({ type: "unsubscribe", topic: "thread:u" });
    reconnect();
    expect(server.socket.sent).toMatchObject([{ type: "subscribe", topic: "thread:t" }]);
  });
});

describe("the order of events", () => {
  it("reports each once: an event that is not beyond the cursor was reported before", () => {
    const { ear } = following();
    server.socket.event("e:4", delta("a"));
    server.socket.event("e:4", delta("a"));
    server.socket.event("e:2", delta("older"));
    server.socket.event("e:5", delta("b"));
    expect(ear.text).toBe("ab");
    expect(ear.cursors).toEqual(["e:4", "e:5"]);
  });

  it("an event may stand for several entries, and comes with its cursor, their number and the size of its frame", () => {
    const { ear } = following();
    server.socket.event("e:7", delta("abcd"), { n: 4 });
    server.socket.event(undefined, { type: "TEXT_MESSAGE_START", messageId: "ä" });
    server.socket.event("e:8", delta("e"));
    const frame = { v: 1, type: "event", topic: "thread:t" };
    const started = { ...frame, data: { type: "TEXT_MESSAGE_START", messageId: "ä" } };
    expect(ear.arrivals).toEqual([
      {
        cursor: "e:7",
        entries: 4,
        bytes: JSON.stringify({ ...frame, cursor: "e:7", data: delta("abcd"), n: 4 }).length,
      },
      { cursor: undefined, entries: 0, bytes: Buffer.byteLength(JSON.stringify(started)) },
      { cursor: "e:8", entries: 1, bytes: JSON.stringify({ ...frame, cursor: "e:8", data: delta("e") }).length },
    ]);
    expect(ear.text).toBe("abcde");
    expect(ear.gaps).toEqual([]);
  });

  it("the head of the log is known on each socket before what was missed", () => {
    const { ear } = following();
    expect(ear.heads).toEqual([undefined]);
    server.socket.shut(1006);
    vi.runOnlyPendingTimers();
    server.socket.hello();
    server.socket.ack({ cursor: "e:3", head: "e:9" });
    expect(ear.heads).toEqual([undefined, "e:9"]);
    expect(ear.events).toEqual([]);
  });

  it("what has no cursor waits for what has one, and is void when the socket goes before", () => {
    const { ear } = following();
    server.socket.event(undefined, { type: "TEXT_MESSAGE_START", messageId: "m" });
    expect(ear.events).toEqual([]);
    server.socket.shut(1006);
    vi.runOnlyPendingTimers();
    server.socket.hello();
    server.socket.ack();
    server.socket.event(undefined, { type: "TEXT_MESSAGE_START", messageId: "m" });
    server.socket.event("e:6", delta("a"), { n: 3 });
    expect(ear.events.map(({ type }) => type)).toEqual(["TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT"]);
    expect(ear.cursors).toEqual(["e:6"]);
  });

  it.each([["e:6"], ["f:4"]])("%s after e:3 is a gap, and a new beginning is asked for", (cursor) => {
    const { ear } = following();
    server.socket.event(cursor, delta("lost"));
    expect(ear.gaps).toEqual([{ reason: "skip" }]);
    expect(server.socket.sent.at(-1)).toMatchObject({ type: "subscribe", topic: "thread:t" });
    expect(server.socket.sent.at(-1)).not.toHaveProperty("after");
    server.socket.event("e:7", delta("lost as well"));
    server.socket.ack({ cursor: "e:7" });
    server.socket.event(undefined, { type: "RUN_STARTED", threadId: "t", runId: "r" });
    server.socket.event("e:7", { type: "MESSAGES_SNAPSHOT", messages: [] });
    server.socket.event("e:8", delta("on"));
    expect(ear.events.map(({ type }) => type)).toEqual(["RUN_STARTED", "MESSAGES_SNAPSHOT", "TEXT_MESSAGE_CONTENT"]);
    expect(ear.gaps).toHaveLength(1);
  });

  it.each([[{ tokens: false }], [{ reasoning: false }], [{ events: "on_tool_*" }]])(
    "offsets have holes where %j narrows",
    (narrowing) => {
      const { ear } = following(narrowing);
      server.socket.event("e:6", delta("a"));
      server.socket.event("e:12", delta("b"));
      expect(ear.text).toBe("ab");
      expect(ear.gaps).toEqual([]);
    },
  );

  it("after a gap the old cursor stays until the beginning is complete", () => {
    const { ear } = following();
    server.socket.say({ type: "gap", topic: "thread:t", reason: "window", cursor: "e:90" });
    server.socket.event(undefined, { type: "RUN_STARTED", threadId: "t", runId: "r" });
    server.socket.shut(1006);
    vi.runOnlyPendingTimers();
    server.socket.hello();
    expect(server.socket.sent).toMatchObject([{ type: "subscribe", after: "e:3" }]);
    expect(ear.gaps).toEqual([{ reason: "window" }]);
    expect(ear.events).toEqual([]);
  });
});

describe("a thread that the server cannot send for now", () => {
  const away = { type: "error", code: "storage_unavailable", message: "Not now.", retryable: true };
  const again = { type: "subscribe", topic: "thread:t", after: "e:4" };

  it("is asked for again after a pause, from its position, until it is sent again", () => {
    const { ear } = following();
    server.socket.event("e:4", delta("a"));
    server.socket.say({ ...away, topic: "thread:t" });
    for (const [index, pauseMs] of [250, 500, 1_000].entries()) {
      vi.advanceTimersByTime(pauseMs - 1);
      expect(server.socket.sent).toHaveLength(index + 1);
      vi.advanceTimersByTime(1);
      expect(server.socket.sent).toHaveLength(index + 2);
      expect(server.socket.sent.at(-1)).toMatchObject(again);
      if (index < 2) server.socket.say({ ...away, id: server.socket.sent.at(-1)?.id });
    }
    server.socket.ack({ cursor: "e:4" });
    server.socket.event("e:5", delta("b"));
    expect(ear.text).toBe("ab");
    expect(ear.errors).toEqual([]);
    server.socket.say({ ...away, topic: "thread:t" });
    vi.advanceTimersByTime(250);
    expect(server.socket.sent).toHaveLength(5);
  });

  it("is asked for once on a new socket that is opened meanwhile", () => {
    following();
    server.socket.event("e:4", delta("a"));
    reconnect();
    server.socket.say({ ...away, id: server.socket.sent.at(-1)?.id });
    reconnect();
    vi.advanceTimersByTime(10_000);
    expect(server.socket.sent).toMatchObject([again]);
  });

  it("is not asked for when nobody follows it any more, nor after the end of the connection", () => {
    const { connection } = following();
    const run = connection.run({ ...input, threadId: "u" });
    server.socket.ack({ cursor: "e:0" });
    for (const topic of ["thread:t", "thread:u"]) server.socket.say({ ...away, topic });
    run.unsubscribe();
    connection.close();
    vi.advanceTimersByTime(60_000);
    expect(server.socket.sent.map(({ type }) => type)).toEqual(["subscribe", "run", "unsubscribe"]);
  });

  it("is reported when it was never sent", async () => {
    const ear = new Ear();
    const { confirmed } = client().subscribe("t", ear.listener);
    server.socket.hello();
    server.socket.say({ ...away, id: server.socket.sent[0]?.id });
    await expect(confirmed).rejects.toMatchObject({ code: "storage_unavailable" });
    expect(ear.errors).toHaveLength(1);
  });
});

describe("refusals and bounds", () => {
  it("a run that is refused ends for its listener, and for no other on the thread", async () => {
    const { ear, connection } = following();
    const other = new Ear();
    const { confirmed } = connection.run(input, other.listener);
    const id = server.socket.sent.at(-1)?.id;
    const details = { runId: "x" };
    server.socket.say({ type: "error", id, code: "thread_busy", message: "Busy.", retryable: true, details });
    await expect(confirmed).rejects.toMatchObject({ code: "thread_busy", retryable: true, details });
    server.socket.event("e:4", delta("a"));
    expect([ear.text, other.text]).toEqual(["a", ""]);
    expect([ear.errors.length, other.errors.length]).toEqual([0, 1]);
  });

  it("a subscription that the server ends for good is over", () => {
    const { ear, connection } = following();
    server.socket.say({ type: "error", topic: "thread:t", code: "not_found", message: "Gone.", retryable: false });
    expect(ear.errors).toMatchObject([{ code: "not_found" }]);
    vi.advanceTimersByTime(20_000);
    expect(server.socket.sent).toHaveLength(1);
    // The thread may be followed again.
    connection.subscribe("t", ear.listener);
    expect(server.socket.sent.at(-1)).toMatchObject({ type: "subscribe" });
  });

  it("a thread is followed once", () => {
    const { connection } = following();
    expect(() => connection.subscribe("t", new Ear().listener)).toThrow(/already/);
  });

  it("the last listener that leaves ends the subscription", () => {
    const { connection } = following();
    const run = connection.run(input);
    run.unsubscribe();
    expect(server.socket.sent.at(-1)).toMatchObject({ type: "run" });
    const other = client();
    const alone = other.subscribe("t", new Ear().listener);
    server.socket.hello();
    alone.unsubscribe();
    alone.unsubscribe();
    expect(server.socket.sent.map(({ type }) => type)).toEqual(["subscribe", "unsubscribe"]);
  });

  it("64 questions may wait for an answer", async () => {
    const connection = client();
    const waiting = Array.from({ length: 64 }, () => connection.stats("t"));
    await expect(connection.stats("t")).rejects.toMatchObject({ code: "overloaded" });
    connection.close();
    const ends = await Promise.allSettled(waiting);
    expect(ends.map((end) => end.status === "rejected" && end.reason.code)).toEqual(Array(64).fill("closed"));
  });

  it("a message that is larger than the server takes is not sent", async () => {
    const connection = client();
    const large = connection.run({ ...input, state: "ä".repeat(500) });
    const small = connection.run({ ...input, threadId: "u" });
    server.socket.hello();
    await expect(large.confirmed).rejects.toMatchObject({ code: "payload_too_large" });
    expect(server.socket.sent.filter(({ type }) => type === "run")).toMatchObject([{ input: { threadId: "u" } }]);
    server.socket.ack({ cursor: "e:0" });
    await small.confirmed;
  });

  it("after 1009 it comes back without the largest message, which fails", async () => {
    const connection = client();
    const small = connection.run({ ...input, threadId: "u" });
    const large = connection.run({ ...input, state: "ä".repeat(100) });
    server.socket.hello();
    server.socket.shut(1009);
    await expect(large.confirmed).rejects.toMatchObject({ code: "payload_too_large", retryable: false });
    vi.advanceTimersByTime(250);
    server.socket.hello();
    expect(server.socket.sent).toMatchObject([{ type: "run", input: { threadId: "u" } }]);
    server.socket.ack({ cursor: "e:0" });
    await small.confirmed;
  });

  it("close is for good, and everybody hears of it", async () => {
    const { ear, connection } = following();
    connection.close();
    expect(server.socket.closedWith).toBe(1000);
    expect(ear.errors).toMatchObject([{ code: "closed" }]);
    await expect(connection.cancel("t")).rejects.toMatchObject({ code: "closed" });
    vi.advanceTimersByTime(3_600_000);
    expect(server.sockets).toHaveLength(1);
    expect(states.at(-1)).toEqual({ status: "closed" });
  });
});
