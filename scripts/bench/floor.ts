/** The floor: the cheapest way to consume the graph that is still `streamEvents`. A child of the bench. */
import { answer, cpuMicros, startCpu } from "./child.ts";
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
});
