/** The fault of each agent and server of the corpus. */
import type { VerdictCode } from "../../../src/doctor/verdict.ts";
import { type Pace, TEXT, WORDS } from "../model-endpoint.ts";
import type { SITES } from "./servers.ts";

/** The correct verdicts. Several if the cause cannot be known from outside. */
type Right = VerdictCode | readonly VerdictCode[];

export interface AgentCase {
  readonly graph: string;
  readonly pace?: Pace;
  readonly right: Right;
}

const json = ['{"answer": "', ...WORDS, '"}'];
const sentences = { wait: 300, gap: 700, burst: 12 };

export const AGENTS: Readonly<Record<string, AgentCase>> = {
  "streams the model itself": { graph: "streamed", right: "streams" },
  "reads the model's own events": { graph: "evented", right: "streams" },
  "an endpoint that calls its stream JSON": { graph: "plain", pace: { type: "application/json" }, right: "streams" },
  "a subgraph as a node": { graph: "subgraph", right: "streams" },
  "createAgent with a tool": { graph: "agent", right: "streams" },
  "two models side by side": { graph: "parallel", right: "streams" },
  "a node for each topic": { graph: "mapped", right: "streams" },
  "a chain that ends in a parser": { graph: "chained", right: "streams" },
  "retries and fallbacks": { graph: "retried", right: "streams" },
  "a class of its own that reports": { graph: "ownReporting", right: "streams" },
  "a hidden plan, then an answer": { graph: "planned", right: "streams" },
  "an endpoint of two words at a time": { graph: "plain", pace: { wait: 400, gap: 30, burst: 2 }, right: "streams" },
  "callbacks cut in a lambda": { graph: "lambdaCut", right: "unseen-model-call" },
  "fetch in the node": { graph: "ownSdk", right: "unseen-model-call" },
  "a batch without callbacks": { graph: "batched", right: "unseen-model-call" },
  "streaming disabled": { graph: "disabled", right: "streaming-disabled" },
  "a class that cannot stream": { graph: "noStreamMethod", right: "streaming-disabled" },
  "a class that reports nothing": { graph: "silent", right: "tokens-not-reported" },
  "tokens through the writer": { graph: "written", right: "custom-tokens" },
  "an answer in JSON mode": { graph: "structured", pace: { words: json }, right: "structured-output" },
  "a loop that blocks": { graph: "blocked", right: "event-loop-blocked" },
  "a canned answer": { graph: "template", right: "finished-text" },
  "a graph invoked in a node": { graph: "nested", right: ["state-snapshots", "unseen-model-call"] },
  "a generator": { graph: "generator", right: "generator-node" },
  "a question first": { graph: "approval", right: "interrupted" },
  "a node that throws": { graph: "broken", right: "run-failed" },
  "hidden by LangSmith's tag": { graph: "hidden", right: "events-refused" },
  "an answer under another key": { graph: "elsewhere", right: ["no-text", "events-refused"] },
  "a typewriter": { graph: "typed", right: "fake-streaming" },
  "a finished text in one burst": { graph: "burst", right: "fake-streaming" },
  "an endpoint of one chunk": { graph: "plain", pace: { wait: 200, words: [TEXT] }, right: "one-chunk" },
  "an endpoint that collects": { graph: "plain", pace: { collects: true, gap: 20 }, right: "model-endpoint-buffers" },
  "an endpoint that speaks in portions": { graph: "plain", pace: sentences, right: "portions" },
  "no key": { graph: "plain", pace: { status: 401 }, right: "model-refused" },
};

export const SERVERS: Readonly<Record<keyof typeof SITES, Right>> = {
  even: ["streams", "evenly-paced"],
  uneven: "streams",
  quick: ["streams", "evenly-paced"],
  "slow to begin": "streams",
  "named events": "streams",
  "clean mock": ["streams", "evenly-paced"],
  "long pieces": "streams",
  socket: ["streams", "evenly-paced"],
  typewriter: "fake-streaming",
  whole: "sent-whole",
  snapshots: "state-snapshots",
  collects: "server-buffers",
  "collects unstamped": "all-at-once",
  "lets go every second": "server-buffers",
  "collecting proxy": "proxy-buffers",
  compressed: "compression-buffers",
  "json at the end": "wrong-endpoint",
  "live but called json": "wrong-content-type",
  "lines of json": "wrong-content-type",
  "sign in": "sign-in-needed",
  "not there": "wrong-endpoint",
  page: "wrong-endpoint",
  moved: "wrong-endpoint",
  fails: "run-failed",
  cut: "run-failed",
  brief: "too-short",
  mute: "no-text",
  "another protocol": "wrong-endpoint",
};

/** Nothing is wrong with these. */
export const HEALTHY: ReadonlySet<VerdictCode> = new Set(["streams", "evenly-paced", "simulated-model"]);
