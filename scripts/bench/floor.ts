/**
 * The floors, measured in a child of the bench: the cheapest way to consume the graph with `streamEvents`, and the
 * cheapest way to send to sockets, which is `ws` without Sluice.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { MemorySaver } from "@langchain/langgraph";
import { WebSocketServer } from "ws";
import { answer, cpuMicros, memory, startCpu } from "./child.ts";
import { benchGraph, type Workload } from "./graph.ts";

const graph = benchGraph();

async function consume(workload: Workload): Promise<number> {
  const input = { messages: [{ role: "user", content: JSON.stringify(workload) }] };
  let tokens = 0;
  for await (const event of graph.streamEvents(input, { version: "v2" })) {
    if (event.event === "on_chat_model_stream") tokens += 1;
  }
  return tokens;
}

/** A graph with a checkpointer, for measuring the first event of a run. */
const keeping = benchGraph(new MemorySaver());

async function firstEvent(threadId: string, messages: readonly { role: string; content: string }[]): Promise<number> {
  const began = performance.now();
  let first: number | undefined;
  const events = keeping.streamEvents(
    { messages: [...messages] },
    { version: "v2", configurable: { thread_id: threadId } },
  );
  for await (const _ of events) first ??= performance.now() - began;
  return first ?? Number.NaN;
}

let sockets: WebSocketServer | undefined;

answer({
  async measure({ workload, runs, repeats }: { workload: Workload; runs: number; repeats: number }) {
    startCpu();
    let tokens = 0;
    for (let round = 0; round < repeats; round += 1) {
      const counts = await Promise.all(Array.from({ length: runs }, () => consume(workload)));
      tokens += counts.reduce((sum, count) => sum + count, 0);
    }
    return { micros: cpuMicros(), tokens };
  },
  firstEvent: ({ threadId, messages }: { threadId: string; messages: { role: string; content: string }[] }) =>
    firstEvent(threadId, messages),
  startCpu,
  cpuMicros,
  memory,
  async listen() {
    sockets = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
    await once(sockets, "listening");
    return `http://127.0.0.1:${(sockets.address() as AddressInfo).port}`;
  },
  /** Sends a text of `bytes` bytes to every socket, `times` times. */
  async broadcast({ times, everyMs, bytes }: { times: number; everyMs: number; bytes: number }) {
    const text = "x".repeat(bytes);
    const began = performance.now();
    for (let time = 0; time < times; time += 1) {
      if (everyMs > 0) await delay(Math.max(began + time * everyMs - performance.now(), 0));
      for (const socket of sockets?.clients ?? []) socket.send(text);
    }
  },
});
