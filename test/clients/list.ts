/**
 * The clients that test/clients uses on pages in a browser. docs/frontends.md lists them too; a test compares the
 * lists.
 */
export interface Place {
  /** Its file in `pages/`. */
  readonly page: string;
  readonly agent?: string;
  /** The server that it is connected to. Default: the Sluice. */
  readonly line?: "sluice" | "runtime";
  /** The client shows a tool's result after the answer that follows it. */
  readonly order?: "mixed";
}

export interface Client extends Place {
  readonly name: string;
  /** Its packages in package.json. The others are part of a browser. */
  readonly packages: readonly string[];
  readonly stop: "at once" | "after the grace";
  /** Whether an open question is shown after the page is reloaded. */
  readonly question: "shown" | "not shown";
  /** What happens to an answer in progress when the line is cut. */
  readonly cut: "goes on by itself" | "goes on after a reload" | "shown after a reload, once it is complete";
}

const BY_ITSELF = { stop: "at once", question: "shown", cut: "goes on by itself" } as const;
const BY_RELOAD = { stop: "at once", question: "shown", cut: "goes on after a reload" } as const;
const BY_HISTORY = {
  stop: "after the grace",
  question: "not shown",
  cut: "shown after a reload, once it is complete",
} as const;

export const CLIENTS: readonly Client[] = [
  { name: "`HttpAgent`", packages: ["@ag-ui/client"], page: "http-agent", ...BY_HISTORY },
  {
    name: "`HttpAgent`, older",
    packages: ["ag-ui-client-0.0.59"],
    page: "http-agent-0.0.59",
    ...BY_HISTORY,
  },
  { name: "CopilotKit", packages: ["@copilotkit/react-core"], page: "copilotkit", ...BY_RELOAD },
  {
    name: "CopilotKit, its runtime, `HttpAgent`",
    packages: ["@copilotkit/runtime"],
    page: "copilotkit",
    line: "runtime",
    ...BY_RELOAD,
    stop: "after the grace",
  },
  {
    name: "CopilotKit, its runtime, `LangGraphAgent`",
    packages: ["@copilotkit/runtime", "@ag-ui/langgraph"],
    page: "copilotkit",
    line: "runtime",
    agent: "langgraph",
    order: "mixed",
    ...BY_RELOAD,
  },
  {
    name: "assistant-ui, `useAgUiRuntime` with `HttpAgent`",
    packages: ["@assistant-ui/react-ag-ui"],
    page: "assistant-ui",
    ...BY_HISTORY,
    question: "shown",
  },
  {
    name: "assistant-ui, `useLangGraphRuntime`",
    packages: ["@assistant-ui/react-langgraph"],
    page: "assistant-ui-langgraph",
    ...BY_ITSELF,
    stop: "after the grace",
  },
  { name: "`useStream`", packages: ["@langchain/react"], page: "use-stream", ...BY_ITSELF },
  {
    name: "`useStream` over a WebSocket",
    packages: ["@langchain/react"],
    page: "use-stream-websocket",
    ...BY_ITSELF,
  },
  { name: "`useStream`, older", packages: ["@langchain/langgraph-sdk"], page: "use-stream-legacy", ...BY_ITSELF },
  { name: "the SDK's `Client`", packages: ["@langchain/langgraph-sdk"], page: "sdk-client", ...BY_ITSELF },
  { name: "the AI SDK's `useChat`", packages: ["@ai-sdk/react", "ai"], page: "use-chat", ...BY_RELOAD },
  {
    name: "TanStack AI's `useChat` over SSE",
    packages: ["@tanstack/ai-react"],
    page: "tanstack-sse",
    ...BY_ITSELF,
    stop: "after the grace",
  },
  {
    name: "TanStack AI's `useChat` over its WebSocket",
    packages: ["@tanstack/ai-react"],
    page: "tanstack-websocket",
    ...BY_ITSELF,
  },
  { name: "`EventSource`, and `fetch` to send", packages: [], page: "event-source", ...BY_ITSELF },
];
