/** The stream of each provider's endpoint: its pieces, and their framing. */
import { crc32 } from "node:zlib";

/** One answer of a model. */
export interface Answer {
  readonly thought?: string;
  readonly text: string;
  readonly call?: { readonly id: string; readonly name: string; readonly args: object };
}

/** The token usage of every answer. */
export const USED = { input: 9, output: 7 };

/** The frames of an answer. The last `endings` frames report its end. */
export interface Wire {
  readonly type: string;
  readonly frames: readonly (string | Uint8Array)[];
  readonly endings: number;
}

/** Ids are unique, as with real providers. LangGraph would treat answers with the same id as one. */
let answers = 0;

const SSE = "text/event-stream";
const data = (value: unknown) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;

const tokens = { prompt_tokens: USED.input, completion_tokens: USED.output, total_tokens: USED.input + USED.output };

/** Chat Completions, and what is like it. */
function completions(deltas: readonly object[], end: object, last: readonly unknown[]): Wire {
  const about = { id: "chat-1", object: "chat.completion.chunk", created: 1, model: "m" };
  const chunk = (delta: object, finish_reason: string | null, more: object = {}) =>
    data({ ...about, choices: [{ index: 0, delta: { role: "assistant", ...delta }, finish_reason }], ...more });
  const { finish_reason, ...more } = end as { finish_reason: string };
  const endings = [chunk({ content: "" }, finish_reason, more), ...last.map(data)];
  return { type: SSE, frames: [...deltas.map((delta) => chunk(delta, null)), ...endings], endings: endings.length };
}

function calls({ call }: Answer): object[] {
  if (!call) return [];
  const { id, name, args } = call;
  return [{ tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: JSON.stringify(args) } }] }];
}

const reason = ({ call }: Answer) => (call ? "tool_calls" : "stop");

export function openai(answer: Answer): Wire {
  const thought = answer.thought ? [{ reasoning_content: answer.thought }] : [];
  const usage = { id: "chat-1", object: "chat.completion.chunk", created: 1, model: "m", choices: [], usage: tokens };
  return completions([...thought, { content: answer.text }, ...calls(answer)], { finish_reason: reason(answer) }, [
    usage,
    "[DONE]",
  ]);
}

export function groq(answer: Answer): Wire {
  const thought = answer.thought ? [{ content: `<think>${answer.thought}</think>` }] : [];
  const end = { finish_reason: reason(answer), x_groq: { id: "req-1", usage: tokens } };
  return completions([...thought, { content: answer.text }, ...calls(answer)], end, ["[DONE]"]);
}

export function mistral(answer: Answer): Wire {
  const thought = answer.thought
    ? [{ content: [{ type: "thinking", thinking: [{ type: "text", text: answer.thought }] }] }]
    : [];
  const end = { finish_reason: reason(answer), usage: tokens };
  return completions([...thought, { content: answer.text }, ...calls(answer)], end, ["[DONE]"]);
}

export function anthropic({ thought, text, call }: Answer): Wire {
  const event = (type: string, more: object = {}) => `event: ${type}\n${data({ type, ...more })}`;
  const blocks: [object, object[]][] = [
    ...(thought
      ? ([
          [
            { type: "thinking", thinking: "", signature: "" },
            [
              { type: "thinking_delta", thinking: thought },
              { type: "signature_delta", signature: "SIG" },
            ],
          ],
        ] as [object, object[]][])
      : []),
    [{ type: "text", text: "" }, [{ type: "text_delta", text }]],
    ...(call
      ? ([
          [
            { type: "tool_use", id: call.id, name: call.name, input: {} },
            [{ type: "input_json_delta", partial_json: JSON.stringify(call.args) }],
          ],
        ] as [object, object[]][])
      : []),
  ];
  const usage = { input_tokens: USED.input, output_tokens: 0 };
  const message = {
    id: `msg-${++answers}`,
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: null,
    usage,
  };
  return {
    type: SSE,
    endings: 2,
    frames: [
      event("message_start", { message }),
      ...blocks.flatMap(([content_block, deltas], index) => [
        event("content_block_start", { index, content_block }),
        ...deltas.map((delta) => event("content_block_delta", { index, delta })),
        event("content_block_stop", { index }),
      ]),
      event("message_delta", {
        delta: { stop_reason: call ? "tool_use" : "end_turn", stop_sequence: null },
        usage: { output_tokens: USED.output },
      }),
      event("message_stop"),
    ],
  };
}

export function ollama({ thought, text, call }: Answer): Wire {
  const line = (message: object, more: object = { done: false }) =>
    `${JSON.stringify({ model: "m", created_at: "2026-01-01T00:00:00Z", message: { role: "assistant", content: "", ...message }, ...more })}\n`;
  return {
    type: "application/x-ndjson",
    endings: 1,
    frames: [
      ...(thought ? [line({ thinking: thought })] : []),
      line({ content: text }),
      ...(call ? [line({ tool_calls: [{ function: { name: call.name, arguments: call.args } }] })] : []),
      line({}, { done: true, done_reason: "stop", prompt_eval_count: USED.input, eval_count: USED.output }),
    ],
  };
}

export function google({ thought, text, call }: Answer): Wire {
  const usageMetadata = {
    promptTokenCount: USED.input,
    candidatesTokenCount: USED.output,
    totalTokenCount: USED.input + USED.output,
  };
  const chunk = (part: object | undefined, more: object = {}) =>
    data({ candidates: [{ index: 0, content: { role: "model", parts: part ? [part] : [] }, ...more }], usageMetadata });
  return {
    type: SSE,
    endings: 1,
    frames: [
      ...(thought ? [chunk({ text: thought, thought: true })] : []),
      chunk({ text }),
      ...(call ? [chunk({ functionCall: { name: call.name, args: call.args } })] : []),
      chunk({ text: "" }, { finishReason: "STOP" }),
    ],
  };
}

export function responses({ thought, text, call }: Answer): Wire {
  const event = (type: string, more: object) => `event: ${type}\n${data({ type, sequence_number: 0, ...more })}`;
  answers += 1;
  const messageId = `msg-${answers}`;
  const response = { id: `resp-${answers}`, object: "response", created_at: 1, model: "m", output: [] as object[] };
  const thinking = { type: "reasoning", id: "rs-1", summary: [] as object[] };
  const said = { type: "message", id: messageId, role: "assistant", status: "completed" };
  const part = { type: "output_text", text, annotations: [] };
  const made = call && {
    type: "function_call",
    id: "fc-1",
    call_id: call.id,
    name: call.name,
    arguments: JSON.stringify(call.args),
  };
  const summary = { type: "summary_text", text: thought ?? "" };
  const output = [
    ...(thought ? [{ ...thinking, summary: [summary] }] : []),
    { ...said, content: [part] },
    ...(made ? [made] : []),
  ];
  const usage = { input_tokens: USED.input, output_tokens: USED.output, total_tokens: USED.input + USED.output };
  const at = (index: number) => ({ output_index: index });
  const first = thought ? 1 : 0;
  return {
    type: SSE,
    endings: 1,
    frames: [
      event("response.created", { response: { ...response, status: "in_progress" } }),
      ...(thought
        ? [
            event("response.output_item.added", { ...at(0), item: thinking }),
            event("response.reasoning_summary_part.added", {
              ...at(0),
              item_id: "rs-1",
              summary_index: 0,
              part: { type: "summary_text", text: "" },
            }),
            event("response.reasoning_summary_text.delta", {
              ...at(0),
              item_id: "rs-1",
              summary_index: 0,
              delta: thought,
            }),
            event("response.output_item.done", { ...at(0), item: { ...thinking, summary: [summary] } }),
          ]
        : []),
      event("response.output_item.added", { ...at(first), item: { ...said, status: "in_progress", content: [] } }),
      event("response.content_part.added", {
        ...at(first),
        item_id: messageId,
        content_index: 0,
        part: { ...part, text: "" },
      }),
      event("response.output_text.delta", { ...at(first), item_id: messageId, content_index: 0, delta: text }),
      event("response.output_text.done", { ...at(first), item_id: messageId, content_index: 0, text }),
      event("response.output_item.done", { ...at(first), item: { ...said, content: [part] } }),
      ...(made
        ? [
            event("response.output_item.added", { ...at(first + 1), item: { ...made, arguments: "" } }),
            event("response.function_call_arguments.delta", {
              ...at(first + 1),
              item_id: "fc-1",
              delta: made.arguments,
            }),
            event("response.output_item.done", { ...at(first + 1), item: made }),
          ]
        : []),
      event("response.completed", {
        response: { ...response, status: "completed", output, usage, incomplete_details: null },
      }),
    ],
  };
}

export function bedrock({ thought, text, call }: Answer): Wire {
  const frames: Uint8Array[] = [awsFrame("messageStart", { role: "assistant" })];
  let index = 0;
  const block = (start: object | undefined, deltas: readonly object[]) => {
    if (start) frames.push(awsFrame("contentBlockStart", { contentBlockIndex: index, start }));
    for (const delta of deltas) frames.push(awsFrame("contentBlockDelta", { contentBlockIndex: index, delta }));
    frames.push(awsFrame("contentBlockStop", { contentBlockIndex: index }));
    index += 1;
  };
  if (thought) block(undefined, [{ reasoningContent: { text: thought } }, { reasoningContent: { signature: "SIG" } }]);
  block(undefined, [{ text }]);
  if (call) {
    const { id: toolUseId, name, args } = call;
    block({ toolUse: { toolUseId, name } }, [{ toolUse: { input: JSON.stringify(args) } }]);
  }
  frames.push(awsFrame("messageStop", { stopReason: call ? "tool_use" : "end_turn" }));
  const usage = { inputTokens: USED.input, outputTokens: USED.output, totalTokens: USED.input + USED.output };
  frames.push(awsFrame("metadata", { usage, metrics: { latencyMs: 1 } }));
  return { type: "application/vnd.amazon.eventstream", endings: 2, frames };
}

/** One message of AWS's binary event stream: lengths, headers, payload, each followed by its checksum. */
function awsFrame(event: string, payload: object): Uint8Array {
  const header = (name: string, value: string) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(Buffer.byteLength(value));
    return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), length, Buffer.from(value)]);
  };
  const headers = Buffer.concat([
    header(":event-type", event),
    header(":content-type", "application/json"),
    header(":message-type", "event"),
  ]);
  const body = Buffer.from(JSON.stringify(payload));
  const prelude = Buffer.alloc(8);
  prelude.writeUInt32BE(headers.length + body.length + 16, 0);
  prelude.writeUInt32BE(headers.length, 4);
  const start = Buffer.concat([prelude, checksum(prelude), headers, body]);
  return Buffer.concat([start, checksum(start)]);
}

function checksum(bytes: Uint8Array): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum;
}
