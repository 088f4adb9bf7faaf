/** The routes for clients of other protocols, where they are served. docs/langgraph-api.md and docs/frontends.md describe them. */
import type { Operation } from "./operation.ts";
import { RUN_ERRORS } from "./run-errors.ts";

const JSON_ANSWER = { text: "application/json" } as const;
const FRAMES = { description: "Server-sent events, until the run's end.", text: "text/event-stream" } as const;

type Facts = Pick<Operation, "body" | "errors"> & {
  readonly answer?: Operation["answers"][number];
  readonly status?: number;
};

function operation(method: Operation["method"], path: string, summary: string, facts: Facts = {}): Operation {
  const { answer = { description: `${summary}.`, ...JSON_ANSWER }, status = 200, ...more } = facts;
  return { method, path, summary, answers: { [status]: answer }, ...more };
}

const starts = { body: "LangGraphRun", errors: RUN_ERRORS } as const;
const ofThread = { errors: ["not_found"] } as const;

/** LangGraph's own API. */
export const LANGGRAPH_OPERATIONS: readonly Operation[] = [
  operation("get", "/langgraph/ok", "Says that the API is there"),
  operation("get", "/langgraph/info", "Says what the API has"),
  operation("post", "/langgraph/assistants/search", "Lists the agents as assistants", { body: "LangGraphSearch" }),
  operation("post", "/langgraph/assistants/count", "Counts the agents", { body: "LangGraphSearch" }),
  operation("get", "/langgraph/assistants/{assistant}", "Returns an agent as an assistant", ofThread),
  operation("get", "/langgraph/assistants/{assistant}/graph", "Returns the agent as one node", ofThread),
  operation(
    "get",
    "/langgraph/assistants/{assistant}/schemas",
    "Returns the keys that clients may send and see",
    ofThread,
  ),
  operation("get", "/langgraph/assistants/{assistant}/subgraphs", "Returns an empty object", ofThread),
  operation("get", "/langgraph/assistants/{assistant}/subgraphs/{namespace}", "Returns an empty object", ofThread),
  operation("post", "/langgraph/threads", "Gives a thread an id", { body: "LangGraphSearch" }),
  operation("post", "/langgraph/threads/search", "Lists threads", { body: "LangGraphSearch" }),
  operation("get", "/langgraph/threads/{threadId}", "Returns a thread", ofThread),
  operation("delete", "/langgraph/threads/{threadId}", "Deletes a thread", {
    ...ofThread,
    status: 204,
    answer: { description: "The thread is deleted." },
  }),
  operation("get", "/langgraph/threads/{threadId}/state", "Returns the state of a thread"),
  operation(
    "get",
    "/langgraph/threads/{threadId}/state/{checkpoint}",
    "Returns the state of a thread by its checkpoint",
    ofThread,
  ),
  operation("post", "/langgraph/threads/{threadId}/state", "Refuses the change: runs change a thread's state", {
    status: 501,
    answer: { description: "Not served: input of a run, or its `command.update`, changes the state.", ...JSON_ANSWER },
  }),
  operation(
    "post",
    "/langgraph/threads/{threadId}/state/checkpoint",
    "Returns the state of a thread by its checkpoint",
    {
      ...ofThread,
      body: "LangGraphSearch",
    },
  ),
  operation("post", "/langgraph/threads/{threadId}/history", "Lists the states of a thread, the latest first", {
    body: "LangGraphSearch",
  }),
  operation("post", "/langgraph/threads/{threadId}/runs/stream", "Starts a run and streams it", {
    ...starts,
    answer: FRAMES,
  }),
  operation("post", "/langgraph/threads/{threadId}/runs/wait", "Starts a run and returns its final values", starts),
  operation("post", "/langgraph/threads/{threadId}/runs", "Starts a run in the background", starts),
  operation("get", "/langgraph/threads/{threadId}/runs", "Lists the thread's runs"),
  operation("get", "/langgraph/threads/{threadId}/runs/{runId}", "Returns a run", ofThread),
  operation("get", "/langgraph/threads/{threadId}/runs/{runId}/stream", "Joins a run", { ...ofThread, answer: FRAMES }),
  operation(
    "get",
    "/langgraph/threads/{threadId}/runs/{runId}/join",
    "Waits for a run's end, and returns its values",
    ofThread,
  ),
  operation("post", "/langgraph/threads/{threadId}/runs/{runId}/cancel", "Cancels a run", { ...ofThread, status: 202 }),
  operation("post", "/langgraph/runs/stream", "Runs an agent on a new thread, and streams the run", {
    ...starts,
    answer: FRAMES,
  }),
  operation("post", "/langgraph/runs/wait", "Runs an agent on a new thread, and returns the run's values", starts),
  operation("post", "/langgraph/threads/{threadId}/commands", "Carries out a command of the streaming protocol", {
    body: "LangGraphCommand",
    errors: [...RUN_ERRORS, "not_implemented"],
  }),
  operation(
    "post",
    "/langgraph/threads/{threadId}/stream/events",
    "Sends the thread's events in the streaming protocol",
    {
      body: "LangGraphChannels",
      errors: ["draining"],
      answer: { ...FRAMES, description: "Server-sent events, for as long as the client listens." },
    },
  ),
  operation("get", "/langgraph/threads/{threadId}/stream/events", "Opens a WebSocket of the streaming protocol", {
    status: 101,
    answer: { description: "The connection is a WebSocket now." },
    errors: ["draining", "overloaded"],
  }),
];

/** The AI SDK's chat. */
export const AI_SDK_OPERATIONS: readonly Operation[] = [
  operation("post", "/ai-sdk/chat", "Answers a message, as a UI message stream", {
    body: "AiSdkChat",
    errors: RUN_ERRORS,
    answer: FRAMES,
  }),
  operation("get", "/ai-sdk/chat/{id}", "Returns a chat's messages"),
  {
    ...operation("get", "/ai-sdk/chat/{id}/stream", "Joins the answer that is under way"),
    answers: { 200: FRAMES, 204: { description: "No answer is under way." } },
  },
  operation("post", "/ai-sdk/chat/{id}/stop", "Cancels the answer that is under way", ofThread),
];
