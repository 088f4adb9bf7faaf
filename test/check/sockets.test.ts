/** `sluice check` over WebSockets: each fault is reported by its requirement, and by no other. */
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bareProbes } from "../../src/check/chapters/bare.ts";
import { frameProbes } from "../../src/check/chapters/frames.ts";
import { resultsOf } from "../../src/check/findings.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph } from "../support/stepped-model.ts";
import { FAULTS, type Fault, faultySocket } from "./faulty-socket.ts";

/** Long enough to be cut, cancelled and left in its middle, at one character in `sleep` milliseconds. */
const ANSWER = "Rivers find the sea.";

let sluice: TestSluice;

beforeAll(async () => {
  const graph = chatGraph(new FakeListChatModel({ responses: [ANSWER], sleep: 75 }));
  sluice = await startSluice({ chat: { graph } }, { HEARTBEAT_SECONDS: "2", ORPHAN_GRACE_SECONDS: "5" });
});

afterAll(() => sluice.close());

/** The problems that the probes of sockets report, each after its requirement. */
async function problems(fault?: Fault): Promise<string[]> {
  const server = await faultySocket(`${sluice.ws}/ws`, fault);
  const producer = {
    endpoint: new URL(sluice.url),
    socket: new URL(server.url),
    agent: undefined,
    message: "How does a river find the sea?",
    headers: {},
    timeoutMs: 10_000,
  };
  try {
    const results = await resultsOf([...frameProbes(producer), ...bareProbes(producer)], String);
    return results
      .filter(({ verdict }) => verdict === "failed" || verdict === "not tried")
      .map(({ id, verdict, found }) => `${id} ${verdict}: ${found.join("; ")}`);
  } finally {
    server.close();
  }
}

it("a correct server has no problem", async () => {
  expect(await problems()).toEqual([]);
});

it("each fault is reported, and nothing else", async () => {
  const faults = Object.keys(FAULTS) as Fault[];
  const found = await Promise.all(faults.map(async (fault) => [fault, await problems(fault)] as const));
  const others = found.filter(
    ([fault, list]) => list.length !== 1 || !list[0]?.startsWith(`${FAULTS[fault].breaks} failed`),
  );
  expect(others).toEqual([]);
});
