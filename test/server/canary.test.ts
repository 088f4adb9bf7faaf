/**
 * Secrets do not leave on any route. Canaries are put in the places of secrets, and every byte that the server sends is
 * searched for them. A second agent, which admits everything, shows that the search works.
 */
import { randomUUID } from "node:crypto";
import { dispatchCustomEvent } from "@langchain/core/callbacks/dispatch";
import { AIMessage, SystemMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { openSse } from "../support/sse-frames.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { type Tap, tap } from "../support/tap.ts";
import { connect } from "../support/ws-client.ts";

/** The place of each canary. */
const CANARIES = {
  prompt: "canary-of-the-system-prompt",
  state: "canary-of-a-state-key",
  node: "canary-of-a-node-that-is-excluded",
  subgraph: "canary-of-a-node-inside-a-subgraph",
  history: "canary-of-a-message-no-model-streamed",
  nostream: "canary-of-a-model-tagged-nostream",
  reasoning: "canary-of-what-an-excluded-node-thought",
  custom: "canary-of-a-custom-event-refused-by-name",
  written: "canary-of-a-written-value-refused-by-name",
  activity: "canary-of-an-activity-refused-by-name",
  configurable: "canary-of-the-configurable",
  metadata: "canary-of-the-metadata",
  stack: "canary_of_the_stack",
  cause: "canary-of-the-errors-cause",
  field: "canary-of-a-field-of-the-error",
} as const;
type Canary = keyof typeof CANARIES;

const State = Annotation.Root({ ...MessagesAnnotation.spec, secret: Annotation<string> });
type Messages = typeof MessagesAnnotation.State;

const saying = (...tokens: string[]) => new SteppedModel({ always: tokens });

/** `saw` is called with the graph's configuration, which no event contains. */
function secretiveGraph(saw: (configurable: unknown) => void = () => {}) {
  /** Its nodes add messages of their own, and the whole history comes back to the graph around it. */
  const research = new StateGraph(MessagesAnnotation)
    .addNode("notes", async (_: Messages, config: RunnableConfig) => ({
      messages: [await saying(CANARIES.subgraph).invoke("?", config), new AIMessage(CANARIES.history)],
    }))
    .addNode("remarks", () => ({ messages: [new AIMessage("Public remarks.")] }))
    .addEdge(START, "notes")
    .addEdge("notes", "remarks")
    .addEdge("remarks", END)
    .compile();
  const thinking = () => new SteppedModel().think(CANARIES.reasoning).say(CANARIES.node).end();
  return new StateGraph(State)
    .addNode("plan", async (_, config) => ({ messages: [await thinking().invoke("?", config)] }))
    .addNode("research", research)
    .addNode("quiet", async (_, config) => {
      saw(config.configurable?.customer);
      await saying(CANARIES.nostream)
        .withConfig({ tags: ["nostream"] })
        .invoke("?", config);
      await dispatchCustomEvent("internal", { note: CANARIES.custom }, config);
      await dispatchCustomEvent("progress", { done: "half" }, config);
      config.writer?.({ name: "internal", value: CANARIES.written });
      const activity = { activity_type: "PLAN", content: { note: CANARIES.activity } };
      config.writer?.({ name: "manually_emit_activity", value: activity });
      return { secret: CANARIES.state };
    })
    .addNode("answer", async ({ messages }, config) => ({
      messages: [
        await saying("The answer ", "is forty-two.").invoke([new SystemMessage(CANARIES.prompt), ...messages], config),
      ],
    }))
    .addNode("fail", ({ messages }) => {
      if (!messages.some((message) => message.text === "fail")) return {};
      const error = new Error("The database said no.", { cause: new Error(CANARIES.cause) });
      error.stack = `Error: The database said no.\n    at ${CANARIES.stack} (/srv/app.ts:1:1)`;
      throw Object.assign(error, { request: { authorization: CANARIES.field }, detail: CANARIES.field });
    })
    .addEdge(START, "plan")
    .addEdge("plan", "research")
    .addEdge("research", "quiet")
    .addEdge("quiet", "answer")
    .addEdge("answer", "fail")
    .addEdge("fail", END)
    .compile({ checkpointer: memory() })
    .withConfig({ configurable: { customer: CANARIES.configurable }, metadata: { tenant: CANARIES.metadata } });
}

let sluice: TestSluice;

beforeAll(async () => {
  const graph = secretiveGraph();
  sluice = await startSluice(
    {
      closed: {
        graph,
        entry: {
          filter: {
            nodes: { exclude: ["plan", "notes", "research/notes"] },
            names: { exclude: ["internal", "manually_emit_activity"] },
          },
          graphTopic: true,
        },
      },
      open: {
        graph,
        entry: {
          graphTopic: true,
          state: ["secret"],
          graphFields: { on_chat_model_start: ["input"], on_chain_end: ["output.secret"] },
        },
      },
    },
    // All event names are allowed, so the allow-list is not the reason why a canary stays inside.
    { STREAM_ALLOWED_EVENTS: "*" },
  );
});
afterAll(() => sluice.close());

/** Every way out, tried through a tap. Each ends when the run has. */
const DOORS: Record<string, (tapped: Tap, agent: string, message: string) => Promise<void>> = {
  "WebSocket, agui": (tapped, agent, message) => overWebSocket(tapped, agent, message, "agui"),
  "WebSocket, langgraph": (tapped, agent, message) => overWebSocket(tapped, agent, message, "langgraph"),
  "WebSocket, text": (tapped, agent, message) => overWebSocket(tapped, agent, message, "text"),
  "WebSocket, tanstack": (tapped, agent, message) => overWebSocket(tapped, agent, message, "tanstack"),
  "WebSocket, all events asked for": (tapped, agent, message) => overWebSocket(tapped, agent, message, "agui&events=*"),
  SSE: async ({ url }, agent, message) => {
    await (await openSse(`${url}/agui/agent/${agent}/run`, userInput(message))).done;
  },
  "SSE, tokens=false": async ({ url }, agent, message) => {
    await (await openSse(`${url}/agui/agent/${agent}/run?tokens=false`, userInput(message))).done;
  },
  "SSE after a gap": async ({ url }, agent, message) => {
    const body = userInput(message);
    const first = await openSse(`${url}/agui/agent/${agent}/run`, body);
    await first.done;
    await (await openSse(`${url}/agui/agent/${agent}/run`, body, { "last-event-id": "lost:1" })).done;
  },
  JSON: async ({ url }, agent, message) => {
    await posted(`${url}/agui/agent/${agent}/run`, userInput(message));
  },
  "POST /chat, then the thread's messages": async ({ url }, agent, message) => {
    const threadId = randomUUID();
    await posted(`${url}/chat`, { message, agent, threadId });
    await (await fetch(`${url}/threads/${threadId}/messages`)).text();
  },
  "a second turn, with the first one's history": async ({ url }, agent, message) => {
    const threadId = randomUUID();
    await posted(`${url}/chat`, { message: "hi", agent, threadId });
    await (await openSse(`${url}/agui/agent/${agent}/run`, userInput(message, { threadId }))).done;
  },
};

async function overWebSocket({ ws }: Tap, agent: string, message: string, format: string): Promise<void> {
  const client = await connect(`${ws}/ws?agent=${agent}&format=${format}`);
  client.send(message);
  await client.until((frame) => /"type":"RUN_(FINISHED|ERROR)"|^\{"event":"(done|error)"|^\[(done|error)/.test(frame));
  await client.close();
}

async function posted(url: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
  });
  await response.text();
}

/** Every byte the server sends at a door. */
async function sentAt(door: string, agent: string, message: string): Promise<string> {
  const tapped = await tap(sluice.url);
  try {
    await DOORS[door]?.(tapped, agent, message);
    return tapped.sent;
  } finally {
    await tapped.close();
  }
}

const found = (sent: string) => (Object.keys(CANARIES) as Canary[]).filter((canary) => sent.includes(CANARIES[canary]));

describe.each(Object.keys(DOORS))("%s", (door) => {
  it.each(["hi", "fail"])("lets no canary out (%s)", async (message) => {
    const sent = await sentAt(door, "closed", message);
    expect(found(sent)).toEqual([]);
    // The server did send something: the answer, or the end of the run.
    expect(sent).toMatch(message === "fail" ? /The database said no\./ : /forty-two/);
    expect(sent).toContain(
      door.includes("langgraph") || door.includes("text") || message === "hi" ? "forty-two" : "database",
    );
  });
});

describe("the canaries are alive:", () => {
  it("every one of them passes through the graph's own events, its configuration or its error", async () => {
    const seen: string[] = [];
    const events = secretiveGraph((configurable) => seen.push(String(configurable))).streamEvents(
      { messages: [{ role: "user", content: "fail" }] },
      { version: "v2", configurable: { thread_id: "t" }, streamMode: ["updates", "custom"] },
    );
    try {
      for await (const event of events) seen.push(JSON.stringify(event));
    } catch (thrown) {
      const { stack, cause, ...fields } = thrown as Error;
      seen.push(String(stack), String(cause), JSON.stringify(fields));
    }
    expect(found(seen.join("\n"))).toEqual(Object.keys(CANARIES));
  });

  it.each<[string, Canary[]]>([
    ["WebSocket, agui", ["state", "node", "subgraph", "history", "reasoning", "custom", "written", "activity"]],
    [
      "WebSocket, langgraph",
      ["prompt", "state", "node", "subgraph", "history", "reasoning", "custom", "written", "activity"],
    ],
    ["WebSocket, text", ["node", "subgraph", "history", "reasoning", "custom", "written", "activity"]],
    ["SSE", ["state", "node", "subgraph", "history", "reasoning", "custom", "written", "activity"]],
    ["JSON", ["node", "subgraph", "history", "reasoning", "activity"]],
    ["POST /chat, then the thread's messages", ["node", "subgraph", "history", "reasoning", "activity"]],
  ])("%s lets out what config admits, and no more", async (door, admitted) => {
    expect(found(await sentAt(door, "open", "hi"))).toEqual(admitted);
  });
});

it("what a client sends along is not sent around: only its messages are", async () => {
  const tapped = await tap(sluice.url);
  const hidden = { secret: "canary-of-the-client" };
  const body = {
    ...userInput("hi"),
    state: hidden,
    forwardedProps: hidden,
    context: [{ description: "x", value: hidden.secret }],
  };
  const watcher = await connect(`${tapped.ws}/ws?thread=${body.threadId}`);
  await (await openSse(`${sluice.url}/agui/agent/closed/run`, body)).done;
  await watcher.until((frame) => frame.includes("RUN_FINISHED"));
  await watcher.close();
  expect(tapped.sent).not.toContain(hidden.secret);
  expect(tapped.sent).toContain("forty-two");
  await tapped.close();
});
