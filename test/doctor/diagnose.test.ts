/** The verdicts that follow from pieces of evidence. */
import { describe, expect, test } from "vitest";
import { diagnose } from "../../src/doctor/diagnose.ts";
import type { Evidence } from "../../src/doctor/evidence.ts";
import { exitCode, streaming, type VerdictCode } from "../../src/doctor/verdict.ts";
import {
  delivered,
  every,
  evidence,
  exchange,
  graph,
  message,
  modelRun,
  node,
  nodeRun,
  pieces,
  serverRun,
} from "./evidence.ts";

const PACED = every(20, 40, 1_010);
const SOURCE = { event: "on_chat_model_stream", runId: "call", node: "chat" };

describe("a graph that streams is not called fake", () => {
  const reading = exchange({ endedAt: 1_900, reads: [40, ...PACED] });
  test.each<[string, Evidence]>([
    ["bytes come as tokens do", modelRun(pieces(PACED), { exchanges: [reading] })],
    ["timers pace what still arrives", modelRun(pieces(PACED, "timer"), { exchanges: [reading] })],
    [
      "after a long wait, in bursts of ten",
      modelRun(pieces(PACED.map((at) => Math.ceil(at / 200) * 200)), {
        exchanges: [exchange({ endedAt: 1_900, reads: [40, 1_200, 1_400, 1_600, 1_800, 2_000] })],
      }),
    ],
    ["what another thread makes", modelRun(pieces(PACED, "other"))],
    [
      "what arrives unseen, after something else was read",
      modelRun(pieces(PACED, "network"), { exchanges: [exchange()] }),
    ],
    [
      "timers, while only another node's answer was complete",
      modelRun(pieces(PACED, "timer"), { exchanges: [exchange({ node: "search" })] }),
    ],
    [
      "a quick answer, read at once",
      modelRun(pieces(every(0, 40, 200)), { exchanges: [exchange({ startedAt: 30, endedAt: 200, reads: [60, 199] })] }),
    ],
  ])("%s", (_name, seen) => {
    const verdicts = diagnose(seen);
    expect(streaming(verdicts)).toBe(true);
    expect(verdicts[0]?.code).toBe("streams");
  });
});

describe("what is fake", () => {
  const complete = exchange({ contentType: "application/json", endedAt: 1_000, reads: [990, 1_000] });
  const atOnce = every(0, 40, 1_005).map((at) => ({ at, characters: 5, trigger: "network" as const, turn: 1 }));
  test.each<[string, Evidence, VerdictCode]>([
    [
      "timers play an answer that was complete",
      modelRun(pieces(PACED, "timer"), { exchanges: [complete] }),
      "fake-streaming",
    ],
    [
      "the same, and its request began 0.1 ms before its call was reported",
      modelRun(pieces(PACED, "timer"), { exchanges: [{ ...complete, startedAt: 19.9 }] }),
      "fake-streaming",
    ],
    ["a complete answer in one burst", modelRun(atOnce, { exchanges: [complete] }), "fake-streaming"],
    [
      "a burst of a thousand pieces takes its time, in one turn",
      modelRun(
        every(1, 1_000, 1_005).map((at) => ({ at, characters: 5, trigger: "network", turn: 1 })),
        { exchanges: [complete], stalls: [{ at: 1_005, ms: 1_000, busyMs: 1_000 }] },
      ),
      "fake-streaming",
    ],
    [
      "a stream held back to its end",
      modelRun(atOnce, { exchanges: [exchange({ reads: every(20, 48, 40) })] }),
      "fake-streaming",
    ],
    [
      "timers play what a child process gave",
      modelRun(pieces(PACED, "timer"), { helpers: [{ kind: "child process", node: "chat", at: 40 }] }),
      "fake-streaming",
    ],
    [
      "the endpoint collects",
      modelRun(atOnce, { exchanges: [exchange({ reads: [40, 1_000] })] }),
      "model-endpoint-buffers",
    ],
    [
      "the process stood still",
      modelRun(atOnce, { exchanges: [exchange({ reads: [40, 1_000] })], stalls: [{ at: 100, ms: 900, busyMs: 900 }] }),
      "event-loop-blocked",
    ],
  ])("%s", (_name, seen, code) => {
    expect(diagnose(seen)[0]).toMatchObject({ code, kind: "fault" });
  });

  test("timers alone are a stand-in, which is only noted", () => {
    const verdicts = diagnose(modelRun(pieces(PACED, "timer")));
    expect(verdicts.map(({ code, kind }) => [code, kind])).toEqual([
      ["streams", "good"],
      ["simulated-model", "note"],
    ]);
  });
});

describe("a node that sends a whole answer", () => {
  test.each<[string, Evidence, VerdictCode, RegExp]>([
    ["and asked nobody", nodeRun(), "finished-text", /no model call was seen/],
    [
      "that a model has marked",
      nodeRun({ nodes: [node({ marks: ["usage_metadata"] })] }),
      "unseen-model-call",
      /^Node "chat" calls a model past LangChain/,
    ],
    [
      "and asked somebody, who may not have been a model",
      nodeRun({ exchanges: [exchange({ contentType: "application/json", startedAt: 9.9 })] }),
      "unseen-model-call",
      /^It looks as if node "chat"/,
    ],
    [
      "and read a page",
      nodeRun({ exchanges: [exchange({ what: "GET http://docs/page" })] }),
      "finished-text",
      /no model call was seen/,
    ],
    [
      "with a whole state around it",
      nodeRun({ nodes: [node({ returnedQuestion: true })] }),
      "state-snapshots",
      /looks like another graph/,
    ],
    [
      "that a node inside asked for, unseen",
      nodeRun({ exchanges: [exchange({ node: "chat/writer" })] }),
      "state-snapshots",
      /"chat\/writer" got the answer unseen/,
    ],
  ])("%s", (_name, seen, code, says) => {
    expect(diagnose(seen)[0]).toMatchObject({ code, sentence: expect.stringMatching(says) });
  });
});

describe("a request that begins a moment before what made it", () => {
  // The graph reports a node and a model call a little after they began.
  test.each([0.1, 19, 21])("%s ms before its node is the node's, up to 20 ms", (ms) => {
    const one = node();
    const asked = exchange({ contentType: "application/json", startedAt: one.startedAt - ms });
    const code = ms > 20 ? "finished-text" : "unseen-model-call";
    expect(diagnose(nodeRun({ nodes: [one], exchanges: [asked] }))[0]?.code).toBe(code);
  });

  test.each([0.1, 19, 21])("%s ms before the model call is the call's, up to 20 ms", (ms) => {
    const asked = exchange({ startedAt: 20 - ms, endedAt: 1_000, reads: [40, 1_000] });
    const atOnce = every(0, 40, 1_005).map((at) => ({ at, characters: 5, trigger: "network" as const, turn: 1 }));
    const buffered = diagnose(modelRun(atOnce, { exchanges: [asked] }))[0]?.code === "model-endpoint-buffers";
    expect(buffered).toBe(ms <= 20);
  });
});

describe("a model in one piece", () => {
  const one = pieces([1_900]).map((piece) => ({ ...piece, characters: 100 }));
  test.each<[string, Evidence, VerdictCode]>([
    [
      "of many chunks",
      {
        ...modelRun(pieces(PACED), { wholeNodes: ["chat"] }),
        delivered: delivered([message(one, { source: SOURCE })]),
      },
      "tokens-off",
    ],
    ["of one", modelRun(one), "one-chunk"],
    [
      "of no chunk",
      { ...modelRun([]), delivered: delivered([message(one, { source: SOURCE })]) },
      "streaming-disabled",
    ],
    ["too short to tell", modelRun(pieces([1_900])), "too-short"],
    [
      "whose chunks were refused",
      {
        ...modelRun(pieces(PACED), {}, { refused: 40, refusedFor: "name" }),
        delivered: delivered([message(one, { source: SOURCE })]),
      },
      "events-refused",
    ],
  ])("%s", (_name, seen, code) => {
    expect(diagnose(seen)[0]).toMatchObject({ code, kind: "fault" });
  });
});

describe("a server", () => {
  /** A model's tokens have many lengths. */
  const tokens = (times: readonly number[]) =>
    pieces(times).map((piece, index) => ({ ...piece, characters: 1 + ((index * 7) % 9) }));
  const spread = tokens(PACED);
  const burst = pieces(every(0, 40, 1_500));
  const made = (ms: number) => ({ madeFrom: 100_000, madeTo: 100_000 + ms });
  const whole = message([{ at: 1_000, characters: 100 }]);
  const LOCAL = "http://127.0.0.1:8000/agui";
  const uneven = (at: number, index: number) => at + ((index * 5) % 4) * 4;
  /** Pieces are made every 20 ms, and arrive when a timer of `ms` sends them. */
  const jumps = (ms: number) => every(20, 200, 10).map((at) => Math.ceil(at / ms) * ms);
  /** Events with these transmission delays, made half a second apart. */
  const onTheWay = (...delays: number[]) =>
    delays.map((delay, index) => ({ type: "CUSTOM", at: index * 500 + delay, made: 100_123 + index * 500 }));
  test.each<[string, Evidence, VerdictCode]>([
    ["streams", serverRun([message(spread, made(780))]), "streams"],
    ["streams, and says no time", serverRun([message(spread)]), "streams"],
    ["made it over a second that nobody saw", serverRun([message(burst, made(1_000))]), "proxy-buffers"],
    [
      "made it over a second, and compressed it",
      serverRun([message(burst, made(1_000))], { headers: { "content-encoding": "gzip" } }),
      "compression-buffers",
    ],
    ["made it at once, by its own clock", serverRun([message(burst, made(5))]), "fake-streaming"],
    ["sent all at once, without a clock", serverRun([message(burst)]), "all-at-once"],
    [
      "sent all at once, its length known",
      serverRun([message(burst)], { headers: { "content-length": "5000" } }),
      "proxy-buffers",
    ],
    ["sent it whole", serverRun([whole]), "sent-whole"],
    [
      "sent whole what a model streamed",
      serverRun([whole], {}, { counts: { "CUSTOM sluice.model_call": 1 } }),
      "one-chunk",
    ],
    ["refused the tokens", serverRun([], { refused: { on_chat_model_stream: 40 } }), "events-refused"],
    ["sent snapshots only", serverRun([], {}, { snapshots: 3 }), "state-snapshots"],
    ["sent growing snapshots, and one message", serverRun([whole], {}, { snapshots: 9 }), "state-snapshots"],
    [
      "answered with JSON",
      serverRun([], { headers: { "content-type": "application/json" }, arrivals: [] }),
      "wrong-endpoint",
    ],
    [
      "streams, labelled as JSON",
      serverRun([message(spread)], { headers: { "content-type": "application/json" } }),
      "wrong-content-type",
    ],
    ["streams lines of JSON", serverRun([message(spread)], { framing: "lines" }), "wrong-content-type"],
    [
      "is on this machine, collects, and says so by its length",
      serverRun([message(burst, made(1_000))], { url: LOCAL, headers: { "content-length": "5000" } }),
      "server-buffers",
    ],
    [
      "is on this machine, behind a proxy that collects",
      serverRun([message(burst, made(1_000))], { url: LOCAL, headers: { server: "nginx/1.27" } }),
      "proxy-buffers",
    ],
    [
      "is a Sluice on this machine, which collects nothing",
      serverRun([message(burst, made(1_000))], { url: LOCAL, sluice: LOCAL, headers: { "content-length": "5000" } }),
      "proxy-buffers",
    ],
    ["plays a text, cut into equal pieces", serverRun([message(pieces(PACED))]), "fake-streaming"],
    [
      "plays a text every 10 ms, as timers do",
      serverRun([message(pieces(every(11, 40, 1_010).map((at, index) => at + (index % 2))))]),
      "fake-streaming",
    ],
    ["sends equal pieces at once, with no wait", serverRun([message(pieces(every(20, 40, 210)))]), "streams"],
    ["is slow to begin, and uneven", serverRun([message(pieces(every(20, 40, 1_010).map(uneven)))]), "streams"],
    ["comes in jumps", serverRun([message(tokens(jumps(1_000)))]), "portions"],
    [
      "comes in jumps that its clock knows nothing of",
      serverRun([message(tokens(jumps(400)), made(780))], { arrivals: onTheWay(400, 0, 250, 10) }),
      "proxy-buffers",
    ],
    [
      "has a clock that was read once",
      serverRun([message(tokens(every(20, 80, 1_010)))], {
        arrivals: [5, 600, 2_000].map((at) => ({ type: "CUSTOM", at, made: 100_000 })),
      }),
      "streams",
    ],
    [
      "comes in jumps, over the WebSocket bit by bit",
      serverRun([message(tokens(jumps(1_000)))], { runs: 2, overWebSocketMs: 3_000, overWebSocketJumps: false }),
      "proxy-buffers",
    ],
    ["knows no such page", serverRun([], { status: 404 }), "wrong-endpoint"],
    ["leads elsewhere", serverRun([], { status: 307, location: "/login" }), "wrong-endpoint"],
    ["sends other events", serverRun([], { arrivals: [], foreign: 9 }), "wrong-endpoint"],
    ["asks who is there", serverRun([], { status: 401 }), "sign-in-needed"],
    ["is out of order", serverRun([], { status: 502 }), "run-failed"],
    ["is not there", serverRun([], { reached: false, why: "refused" }), "unreachable"],
    ["gave up", serverRun([], {}, { error: { code: "timeout_idle", message: "Silence." } }), "timed-out"],
    ["cannot ask its model", serverRun([], {}, { error: { code: "model_error", message: "401" } }), "model-refused"],
    ["failed", serverRun([], {}, { error: { code: "graph_error", message: "Oh." } }), "run-failed"],
    ["stopped to ask", serverRun([], {}, { interrupted: true }), "interrupted"],
    ["said nothing", serverRun([]), "no-text"],
    [
      "was cut",
      { ...serverRun([message(spread)]), end: { kind: "failed", message: "The line was cut.", byModel: false } },
      "run-failed",
    ],
    ["had not ended in time", { ...serverRun([message(spread)]), end: { kind: "timed-out" } }, "timed-out"],
  ])("that %s", (_name, seen, code) => {
    expect(diagnose(seen)[0]?.code).toBe(code);
  });

  test.each<[string, Evidence]>([
    ["is not there", serverRun([], { reached: false, why: "refused" })],
    ["asks who is there", serverRun([], { status: 401 })],
    ["asks who opens a WebSocket", serverRun([], { status: 403, transport: "ws" })],
    ["knows no such page", serverRun([], { status: 404 })],
    ["leads elsewhere", serverRun([], { status: 302, location: "/login" })],
    ["opens a WebSocket and is silent", serverRun([], { transport: "ws", arrivals: [] })],
    ["cannot ask its model", serverRun([], {}, { error: { code: "model_error", message: "401" } })],
    ["failed", serverRun([], {}, { error: { code: "graph_error", message: "Oh." } })],
  ])("that %s shows nothing of its tokens", (_name, seen) => {
    expect(exitCode(diagnose(seen))).toBe(2);
  });

  test("that was asked twice: the report says so", () => {
    const seen = serverRun([message(burst, made(1_000))], { runs: 2, overWebSocketMs: 900 });
    expect(Object.fromEntries(diagnose(seen)[0]?.evidence ?? [])).toMatchObject({
      runs: "2: the question was asked once more, over the WebSocket",
      "over the WebSocket": "it arrives over 900 ms",
    });
  });

  test("in portions, it may be the model: noted, not held against it", () => {
    const portions = pieces(PACED.map((at) => Math.ceil(at / 400) * 400));
    const verdicts = diagnose(serverRun([message(portions, made(800))]));
    expect(streaming(verdicts)).toBe(true);
    expect(verdicts.map(({ code }) => code)).toEqual(["streams", "all-at-once"]);
  });

  test("as even as a timer, it may be a machine: noted, not held against it", () => {
    const verdicts = diagnose(serverRun([message(tokens(every(20, 40, 3_000)))]));
    expect(streaming(verdicts)).toBe(true);
    expect(verdicts[1]).toMatchObject({
      code: "evenly-paced",
      kind: "note",
      sentence: expect.stringMatching(/looks like/),
    });
  });

  test("that is slow and uneven is nothing at all", () => {
    const uneven = every(400, 20, 8_000).map((at, index) => at + (index % 3) * 90);
    expect(diagnose(serverRun([message(pieces(uneven))])).map(({ code }) => code)).toEqual(["streams"]);
  });
});

describe("besides", () => {
  const good = modelRun(pieces(PACED), { exchanges: [exchange({ endedAt: 1_900, reads: PACED })] });
  const asked = { ...good.asked, expectReasoning: true };
  test.each<[string, Evidence, VerdictCode[]]>([
    ["a late first token", { ...good, asked: { ...good.asked, firstTokenMs: 500 } }, ["late-first-token", "streams"]],
    ["no reasoning where it is expected", { ...good, asked }, ["reasoning-missing", "streams"]],
    ["reasoning where it is expected", { ...good, asked, delivered: { ...good.delivered, reasoning: 9 } }, ["streams"]],
    ["a closing tag alone", { ...good, tags: { opened: 0, closed: 1 } }, ["streams", "reasoning-unopened"]],
    [
      "a closing tag alone where reasoning is expected",
      { ...good, asked, tags: { opened: 0, closed: 1 } },
      ["reasoning-unopened", "streams"],
    ],
  ])("%s", (_name, seen, codes) => {
    expect(diagnose(seen).map(({ code }) => code)).toEqual(codes);
  });

  test("a run that failed says so, and nothing about reasoning", () => {
    const failed = evidence({
      asked,
      end: { kind: "failed", message: "Oh.", byModel: false },
      delivered: { ...delivered([]), endedAt: 1 },
      graph: graph(),
    });
    expect(diagnose(failed).map(({ code }) => code)).toEqual(["run-failed"]);
  });
});
