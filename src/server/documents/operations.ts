/** Every route, for the OpenAPI document. A test compares this list with the routes there are, and tries each. */
import { z } from "zod";
import { narrowingQuery } from "../narrowing.ts";
import { copilotListQuery } from "../routes/copilotkit.ts";
import { listQuery, ownerQuery } from "../routes/threads.ts";
import { socketQuery } from "../sluice-socket.ts";
import { hydrationQuery } from "../tanstack/hydration.ts";
import type { Answer, Operation } from "./operation.ts";
import { RUN_ERRORS } from "./run-errors.ts";

export type { Answer, Operation } from "./operation.ts";

const events: Answer = { description: "The run's events, as server-sent events.", stream: "Event" };

const start = {
  query: narrowingQuery,
  headers: {
    Accept: "`application/json` without `text/event-stream` asks for the whole result as JSON.",
    "Last-Event-ID": "Goes on after this position of the same run.",
    Prefer: "`respond-async`: answers as soon as the run has begun.",
  },
  body: "RunAgentInput",
  answers: {
    200: { ...events, description: "The run's events as server-sent events, or its result as JSON.", json: "Result" },
    202: { description: "A run in the background has begun.", json: "Accepted" },
  },
  errors: RUN_ERRORS,
} as const;

/** For TanStack AI's clients, which send GET and POST requests to the same address. */
const hydration = {
  summary: "Returns a thread's messages for TanStack AI, or with runId the events of that run",
  query: hydrationQuery,
  headers: { "Last-Event-ID": "With runId: goes on after this position." },
  answers: { 200: { description: "The thread, or the run's events.", json: "Hydrated", stream: "Event" } },
  errors: ["not_found"],
} as const;

export const OPERATIONS: readonly Operation[] = [
  { method: "get", path: "/agui", ...hydration },
  { method: "get", path: "/agui/agent/{agent}/run", ...hydration },
  { method: "get", path: "/agui/agent/{agent}", ...hydration },
  {
    method: "post",
    path: "/agui",
    summary: "Starts a run of the first agent, or attaches to it",
    ...start,
  },
  {
    method: "post",
    path: "/agui/agent/{agent}/run",
    summary: "Starts a run of an agent, or attaches to it",
    ...start,
  },
  {
    method: "post",
    path: "/agui/agent/{agent}",
    summary: "The same under a shorter address",
    ...start,
  },
  {
    method: "post",
    path: "/agui/agent/{agent}/suggest",
    summary: "Runs an agent once, and keeps nothing of it",
    query: narrowingQuery,
    body: "Suggest",
    answers: { 200: events },
    errors: RUN_ERRORS,
  },
  {
    method: "post",
    path: "/agui/agent/{agent}/connect",
    summary: "Sends a thread's messages and state, and the events of its active run",
    query: narrowingQuery,
    body: "Connect",
    answers: { 200: events },
    errors: ["not_found"],
  },
  {
    method: "post",
    path: "/agui/agent/{agent}/stop/{threadId}",
    summary: "Cancels the thread's active run, or only the run that the body names",
    body: "Stop",
    bodyOptional: true,
    answers: { 200: { description: "The run is being cancelled.", json: "Stopped" } },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/agui/info",
    summary: "Lists the agents",
    answers: { 200: { description: "The agents by name.", json: "Info" } },
  },
  {
    method: "get",
    path: "/agui/threads",
    summary: "Lists threads for CopilotKit, the last used first",
    query: copilotListQuery,
    answers: { 200: { description: "A page of threads.", json: "CopilotThreadList" } },
  },
  {
    method: "post",
    path: "/agui/threads/clear",
    summary: "Refuses to delete all threads: they are deleted one by one",
    answers: { 501: { description: "Not served: `DELETE` deletes a thread.", json: "Error" } },
  },
  {
    method: "patch",
    path: "/agui/threads/{threadId}",
    summary: "Names or archives a thread",
    body: "ThreadChange",
    answers: { 200: { description: "The thread.", json: "CopilotThread" } },
    errors: ["not_found"],
  },
  {
    method: "post",
    path: "/agui/threads/{threadId}/archive",
    summary: "Archives a thread",
    answers: { 200: { description: "The thread.", json: "CopilotThread" } },
    errors: ["not_found"],
  },
  {
    method: "delete",
    path: "/agui/threads/{threadId}",
    summary: "Deletes a thread",
    answers: { 200: { description: "The thread is deleted.", json: "Deleted" } },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/agui/threads/{threadId}/messages",
    summary: "Returns a thread's messages for CopilotKit",
    answers: { 200: { description: "Messages as clients were sent them.", json: "Inspected" } },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/agui/threads/{threadId}/events",
    summary: "Returns a thread's messages and state as events",
    answers: { 200: { description: "A sequence of events.", json: "Standing" } },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/agui/threads/{threadId}/state",
    summary: "Returns the exposed state of a thread",
    answers: { 200: { description: "The state, or null.", json: "State" } },
    errors: ["not_found"],
  },
  {
    method: "post",
    path: "/chat",
    summary: "Asks one question and returns the whole answer",
    body: "ChatQuestion",
    answers: { 200: { description: "The answer.", json: "ChatAnswer" } },
    errors: RUN_ERRORS,
  },
  {
    method: "get",
    path: "/threads",
    summary: "Lists threads, the last used first",
    query: listQuery.extend(ownerQuery.shape),
    answers: { 200: { description: "A page of threads.", json: "ThreadList" } },
  },
  {
    method: "get",
    path: "/threads/{threadId}",
    summary: "Returns a thread, and how its last run ended",
    query: ownerQuery,
    answers: { 200: { description: "The thread.", json: "Thread" } },
    errors: ["not_found"],
  },
  {
    method: "delete",
    path: "/threads/{threadId}",
    summary: "Deletes a thread: its messages, its events, and what the agent remembers of it",
    query: ownerQuery,
    answers: { 204: { description: "The thread is deleted." } },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/threads/{threadId}/messages",
    summary: "Returns a thread's messages",
    query: ownerQuery,
    answers: { 200: { description: "Messages as clients were sent them.", json: "ThreadMessages" } },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/threads/{threadId}/events",
    summary: "Sends a thread's messages and state, and then all new events",
    query: z.object({ ...ownerQuery.shape, ...narrowingQuery.shape, after: z.string().optional() }),
    headers: { "Last-Event-ID": "Goes on after this position." },
    answers: { 200: { description: "Events, until the client leaves.", stream: "Event" } },
    errors: ["draining"],
  },
  {
    method: "post",
    path: "/threads/{threadId}/shares",
    summary: "Makes a secret with which others may watch the thread",
    query: ownerQuery,
    body: "NewShare",
    bodyOptional: true,
    answers: { 201: { description: "The share, and its secret, which is not kept.", json: "ShareWithSecret" } },
    errors: ["not_found", "overloaded"],
  },
  {
    method: "get",
    path: "/threads/{threadId}/shares",
    summary: "Lists a thread's shares",
    query: ownerQuery,
    answers: { 200: { description: "The valid shares, the oldest first.", json: "Shares" } },
    errors: ["not_found"],
  },
  {
    method: "delete",
    path: "/threads/{threadId}/shares/{share}",
    summary: "Revokes a share: its readers are cut within seconds",
    query: ownerQuery,
    answers: { 204: { description: "The share is revoked." } },
    errors: ["not_found"],
  },
  {
    method: "post",
    path: "/shares/tickets",
    summary: "Returns a ticket that opens one WebSocket, which may watch the thread of a share",
    body: "ShareSecret",
    answers: { 201: { description: "The ticket, and the id of the thread.", json: "ShareTicket" } },
    errors: ["unauthorized", "payload_too_large"],
    open: true,
  },
  {
    method: "post",
    path: "/tickets",
    summary: "Returns a ticket that opens one WebSocket",
    answers: {
      201: { description: "The ticket, for the parameter `ticket` of the socket's address.", json: "Ticket" },
    },
  },
  {
    method: "get",
    path: "/ws",
    summary: "Opens a WebSocket; /asyncapi.json describes its messages",
    query: z.object({ ...socketQuery.shape, ...narrowingQuery.shape }),
    answers: { 101: { description: "The connection is a WebSocket now." } },
    errors: ["not_found", "draining", "overloaded"],
  },
  {
    method: "get",
    path: "/openapi.json",
    summary: "This document",
    answers: { 200: { description: "An OpenAPI document.", text: "application/json" } },
    open: true,
  },
  {
    method: "get",
    path: "/asyncapi.json",
    summary: "Describes the WebSocket's messages",
    answers: { 200: { description: "An AsyncAPI document.", text: "application/json" } },
    open: true,
  },
  {
    method: "get",
    path: "/healthz",
    summary: "Says whether the process is alive",
    answers: { 200: { description: "The process is alive.", json: "Health" } },
    open: true,
  },
  {
    method: "get",
    path: "/readyz",
    summary: "Says whether the server accepts work",
    answers: {
      200: { description: "The server accepts work.", json: "Health" },
      503: { description: "The server drains, or its storage fails.", json: "Health" },
    },
    open: true,
  },
  {
    method: "get",
    path: "/metrics",
    summary: "Counts for Prometheus, where METRICS_TOKEN is set",
    answers: { 200: { description: "Metrics in Prometheus's text format.", text: "text/plain" } },
    open: true,
  },
];
