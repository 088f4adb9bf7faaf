/**
 * CopilotKit's runtime with the bench's graph. The runtime has no agent for a graph in its own process, so the one here
 * makes AG-UI's events of the graph's tokens, and nothing else.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { AbstractAgent, EventType } from "@ag-ui/client";
import { from } from "rxjs";
import { answer, cpuMicros, startCpu } from "../child.ts";
import { graph } from "./built/graph.mjs";

// The runtime reports its use to its vendor, unless this is set before it is loaded.
process.env.COPILOTKIT_TELEMETRY_DISABLED = "true";
const { CopilotRuntime, InMemoryAgentRunner } = await import("@copilotkit/runtime/v2");
const { createCopilotNodeListener } = await import("@copilotkit/runtime/v2/node");

class BenchAgent extends AbstractAgent {
  run(input) {
    return from(eventsOf(input));
  }
}

async function* eventsOf({ threadId, runId, messages }) {
  const messageId = `m-${runId}`;
  yield { type: EventType.RUN_STARTED, threadId, runId };
  yield { type: EventType.TEXT_MESSAGE_START, messageId, role: "assistant" };
  const said = messages.map(({ role, content }) => ({ role, content }));
  for await (const { event, data } of graph.streamEvents({ messages: said }, { version: "v2" })) {
    if (event !== "on_chat_model_stream") continue;
    yield { type: EventType.TEXT_MESSAGE_CONTENT, messageId, delta: data.chunk.content };
  }
  yield { type: EventType.TEXT_MESSAGE_END, messageId };
  yield { type: EventType.RUN_FINISHED, threadId, runId };
}

async function listen() {
  const runtime = new CopilotRuntime({ agents: { bench: new BenchAgent() }, runner: new InMemoryAgentRunner() });
  const server = createServer(createCopilotNodeListener({ runtime, basePath: "/" }));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

answer({ listen, startCpu, cpuMicros });
