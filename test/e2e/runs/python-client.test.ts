/**
 * A client in another language, written only from PROTOCOL.md. It survives cuts at any point and reports how its run
 * ended.
 */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AIMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultProxy } from "../../support/fault-proxy.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";

const script = fileURLToPath(new URL("frames_client.py", import.meta.url));
const hasPython = spawnSync("python3", ["--version"]).status === 0;
const CUTS = 50;

/** Writes 300 custom events, which nothing merges; then it answers, or fails. */
const counting = (fails: boolean) =>
  new StateGraph(MessagesAnnotation)
    .addNode("count", (_, { writer }) => {
      for (let count = 0; count < 300; count += 1) writer?.({ count });
      if (fails) throw new Error("No.");
      return { messages: [new AIMessage({ id: "answer", content: "Done." })] };
    })
    .addEdge(START, "count")
    .addEdge("count", END)
    .compile({ checkpointer: memory() });

/** The client's output. */
interface Known {
  readonly outcome: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly sockets: number;
  readonly cuts: number;
  readonly gaps: number;
  readonly cutInBeginning: number;
}

let whole: TestSluice;
let forgetful: TestSluice;

beforeAll(async () => {
  whole = await startSluice({ answers: { graph: counting(false) }, fails: { graph: counting(true) } });
  // The log no longer has the events that a cut client missed: the client gets a snapshot of the thread.
  forgetful = await startSluice(
    { answers: { graph: counting(false) }, fails: { graph: counting(true) } },
    { LOG_MAX_EVENTS: "100" },
  );
});
afterAll(async () => {
  await whole.close();
  await forgetful.close();
});

/** A run over a line that is cut 50 times, each time after one of `frames` (the handshake's answer is the first). */
async function survive(sluice: TestSluice, agent: string, frames: readonly number[], seed: number): Promise<Known> {
  let random = seed;
  const next = () => {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    return random;
  };
  const proxy = await faultProxy(sluice.ws, {
    trouble: (connection) =>
      connection <= CUTS
        ? { fault: next() % 2 ? "reset" : "end", afterFrames: frames[next() % frames.length] as number }
        : undefined,
  });
  try {
    const parameters = [script, `${proxy.ws}/ws?agent=${agent}`, `thread/${seed}`, `run-${seed}`, "Count."];
    const { stdout } = await promisify(execFile)("python3", parameters, {
      env: { ...process.env, PACE: "0.01" },
      timeout: 60_000,
    });
    return JSON.parse(stdout) as Known;
  } finally {
    await proxy.close();
  }
}

// Skipped without python3, which is all that the client needs.
describe.skipIf(!hasPython)("a client in Python, cut 50 times in one run", { timeout: 90_000 }, () => {
  it.each([
    ["answers", "success", 1],
    ["fails", "graph_error", 2],
    ["answers", "success", 3],
  ])("at random places: %s ends in %s (%i)", async (agent, outcome, seed) => {
    const known = await survive(whole, agent, [0, 1, 2, 3, 4, 5, 7, 9], seed);
    expect(known).toMatchObject({ outcome, cuts: CUTS, sockets: expect.any(Number), gaps: 0 });
    expect(known.messages.map(({ content }) => content)).toEqual(
      agent === "answers" ? ["Count.", "Done."] : ["Count."],
    );
  });

  it.each([
    ["answers", "success", 4],
    ["fails", "graph_error", 5],
  ])("inside the snapshot that follows a gap: %s ends in %s (%i)", async (agent, outcome, seed) => {
    // Handshake, hello, ack, gap, RUN_STARTED and MESSAGES_SNAPSHOT come before the event that has the cursor.
    const known = await survive(forgetful, agent, [4, 5, 6], seed);
    expect(known).toMatchObject({ outcome, cuts: CUTS });
    expect(known.gaps).toBeGreaterThan(10);
    expect(known.cutInBeginning).toBeGreaterThan(10);
    expect(known.messages.map(({ content }) => content)).toEqual(
      agent === "answers" ? ["Count.", "Done."] : ["Count."],
    );
  });
});
