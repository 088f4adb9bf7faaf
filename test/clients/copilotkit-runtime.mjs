/**
 * Runs CopilotKit's runtime as a process, below `/agui`, where its client also finds Sluice. Its agents `agent` and
 * `langgraph` are the agent `agent` of the Sluice at the address in the argument. `plain` sends a sentence without
 * Sluice. It prints its address.
 */
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { LangGraphAgent } from "@ag-ui/langgraph";
import { CopilotRuntime, InMemoryAgentRunner } from "@copilotkit/runtime/v2";
import { createCopilotNodeListener } from "@copilotkit/runtime/v2/node";
import { AbstractAgent, EventType, HttpAgent } from "ag-ui-client-0.0.59";
import { from } from "rxjs";

const WORDS = "A river goes where the ground lets it, takes its time, and finds the sea 🌊 at last.".split(/(?<= )/);

class PlainAgent extends AbstractAgent {
  run(input) {
    return from(answer(input));
  }
}

async function* answer({ threadId, runId }) {
  const messageId = `m-${runId}`;
  yield { type: EventType.RUN_STARTED, threadId, runId };
  yield { type: EventType.TEXT_MESSAGE_START, messageId, role: "assistant" };
  for (const delta of WORDS) {
    yield { type: EventType.TEXT_MESSAGE_CONTENT, messageId, delta };
    await delay(25);
  }
  yield { type: EventType.TEXT_MESSAGE_END, messageId };
  yield { type: EventType.RUN_FINISHED, threadId, runId };
}

// A response that is cut leaves a rejection in the runtime that nobody handles. Frameworks that host it survive that.
process.on("unhandledRejection", () => {});

const [sluice] = process.argv.slice(2);
const runtime = new CopilotRuntime({
  agents: {
    agent: new HttpAgent({ url: `${sluice}/agui/agent/agent/run` }),
    langgraph: new LangGraphAgent({
      deploymentUrl: `${sluice}/langgraph`,
      graphId: "agent",
      emitInterruptOutcome: true,
    }),
    plain: new PlainAgent(),
  },
  runner: new InMemoryAgentRunner(),
});
const server = createServer(createCopilotNodeListener({ runtime, basePath: "/agui", cors: true }));
server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
