/** The doctor's conclusions. A code is stable, and has a section in docs/why-tokens-dont-stream.md. */

/** The remedy, by code. The page says more. */
export const FIXES = {
  streams: "Nothing to change.",
  "unseen-model-call":
    "Call the model in the node itself, in this process, through LangChain's `model.invoke(messages, config)`; pass no `callbacks` of your own, in the call or in `withConfig`, and hand `config` on to whatever calls it.",
  "streaming-disabled":
    "Take `streaming: false` and `disableStreaming` off the model, and use a class that implements `_streamResponseChunks`.",
  "tokens-not-reported":
    "In `_streamResponseChunks`, call `await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk })` for each chunk.",
  "structured-output":
    "Let a second call write the answer as plain text, or let the frontend show the arguments as they grow (TOOL_CALL_ARGS). Tag a call whose JSON nobody should read with `nostream`.",
  "generator-node": "Return the update from an ordinary function; report progress with `config.writer`.",
  "cached-answer": "Ask something new with --message, or take the cache off for the examination.",
  "finished-text":
    "If the text should come token by token, let a model write it in that node. A fixed text may arrive whole.",
  "state-snapshots":
    "Serve the inner graph itself, or add it as a node; where you call it, pass `config` on and no `callbacks` of your own. In a server, send TEXT_MESSAGE_CONTENT as tokens come instead of whole messages or states.",
  "one-chunk":
    "Ask the model's provider or gateway for a real stream (`stream: true`), and see that nothing in between collects it. For a Sluice, check that STREAM_TOKENS and the agent's `tokens` are not false.",
  "tokens-off":
    "Set `tokens` to true for this agent and its nodes, or STREAM_TOKENS=true; take `?tokens=false` off the address.",
  "fake-streaming":
    "Ask the model for a stream (`stream: true`) and pass its pieces on as they come, instead of cutting a finished text.",
  "model-endpoint-buffers":
    "The model's endpoint, or a gateway in front of it, collects the answer. Ask it directly, and switch its buffering off.",
  "event-loop-blocked":
    "Move the synchronous work out of the way: use asynchronous calls instead of execSync, readFileSync or long loops.",
  "events-refused":
    "Admit on_chat_model_stream: in STREAM_ALLOWED_EVENTS, in the agent's `filter` and `nodes`, and in the address's `?events=`; take the tag `nostream` or `langsmith:nostream`, or the metadata `emit-messages: false`, off the model.",
  "proxy-buffers":
    "Switch buffering off for this path (nginx: `proxy_buffering off;`), and let `X-Accel-Buffering: no` through. Until then, use the WebSocket.",
  "compression-buffers":
    "Leave `text/event-stream` out of compression, in the proxy or in the `compression` middleware.",
  "server-buffers":
    "Write each event to the response when there is one, and flush: do not collect the body, set no Content-Length, and await nothing that reads the whole stream.",
  "all-at-once":
    "Ask the server behind the proxies directly. If it does the same there, run `sluice doctor <file>:<export>` on its graph.",
  portions:
    "Find what collects the answer for part of a second or more: a buffer of fixed size, a timer that flushes, a gateway. Switch it off, or let it flush with each token.",
  "sent-whole": "Run `sluice doctor <file>:<export>` on the graph behind this server: that shows why.",
  "wrong-endpoint":
    "Point the frontend to the endpoint that streams: of a Sluice `/agui`, with `Accept: text/event-stream`.",
  "wrong-content-type":
    "Send server-sent events, each as `data: {...}` and an empty line, and label the response `Content-Type: text/event-stream`.",
  "sign-in-needed":
    'Give the doctor what a frontend would send: --header "Authorization: Bearer ...". Or give it an address that it may ask without signing in.',
  unreachable: "Start the server, and see that host and port are right.",
  "reasoning-missing":
    "Tell the model in its instruction to think between <think> and </think>, or use one that reports its reasoning; see that the agent's `reasoningTags` name the tags it uses.",
  "reasoning-unopened":
    "The template of the model puts the opening tag into the prompt. Switch that off, or let the server parse reasoning (vLLM: `--reasoning-parser`).",
  "late-first-token":
    "The timeline shows the steps before the first token. Shorten the prompt, use a faster model, or do the slow step later.",
  "model-refused": "Check the key, the model's name and the address of its endpoint.",
  "run-failed": "Fix the error, then ask again.",
  "timed-out": "See which node was at work. Give more time with --timeout if it needs that.",
  interrupted: "Give a --message that reaches an answer: the graph stopped to ask first.",
  "no-text":
    "Give a --message or --input that makes the graph answer, and see that it keeps its answers in `messages`.",
  "too-short": "Ask for more with --message.",
  "simulated-model": "Nothing to change, if this model is a stand-in.",
  "custom-tokens":
    "Frontends do not show CUSTOM events as text. Let a model in the node stream, or emit messages that they know.",
  "evenly-paced": "Run `sluice doctor <file>:<export>` on the graph: there it shows what sets the tokens off.",
} as const;

export type VerdictCode = keyof typeof FIXES;

export interface Verdict {
  readonly code: VerdictCode;
  /**
   * `fault`: tokens do not stream, or not as was asked. `unknown`: no evidence shows it. `note`: useful to know.
   * `good`: tokens stream.
   */
  readonly kind: "fault" | "unknown" | "note" | "good";
  /** The finding. It says "looks like" if the evidence is weak. */
  readonly sentence: string;
  /** The evidence for it: name and figure. */
  readonly evidence: readonly (readonly [string, string])[];
  readonly fix: string;
  /** The page and its section. */
  readonly link: string;
}

export const PAGE = "docs/why-tokens-dont-stream.md";

export function verdict(
  kind: Verdict["kind"],
  code: VerdictCode,
  sentence: string,
  evidence: Verdict["evidence"] = [],
): Verdict {
  return { code, kind, sentence, evidence, fix: FIXES[code], link: `${PAGE}#${code}` };
}

/** Do tokens stream? `undefined`: no evidence shows it. */
export function streaming(verdicts: readonly Verdict[]): boolean | undefined {
  if (verdicts.some(({ kind }) => kind === "fault")) return false;
  return verdicts.some(({ kind }) => kind === "unknown") ? undefined : true;
}

/** The meaning of the process's exit code. */
export function exitCode(verdicts: readonly Verdict[]): 0 | 1 | 2 {
  const streams = streaming(verdicts);
  if (streams === undefined) return 2;
  return streams ? 0 : 1;
}
