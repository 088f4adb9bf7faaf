/** Graphs of other libraries on LangGraph: after two turns the transcript equals the graph's state. */
import { readFileSync } from "node:fs";
import { ChatAnthropic } from "@langchain/anthropic";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { BaseMessage } from "@langchain/core/messages";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { createSupervisor } from "@langchain/langgraph-supervisor";
import { createHandoffTool, createSwarm } from "@langchain/langgraph-swarm";
import { ChatOpenAI } from "@langchain/openai";
import { createDeepAgent } from "deepagents";
import * as langchain from "langchain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type AguiEvent, EventType, type Message } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { verifyRun } from "../../support/verify.ts";
import { bedrockModel } from "../providers/bedrock.ts";
import { type Endpoint, endpoint } from "../providers/endpoint.ts";
import * as wires from "../providers/wires.ts";
import { type Brain, brain } from "./brain.ts";

const look = tool(({ q }) => `seen ${q}`, {
  name: "look",
  description: "Looks.",
  schema: z.object({ q: z.string() }),
});
let failures = 0;
const flaky = tool(
  ({ q }) => {
    failures += 1;
    if (failures % 2 === 1) throw new Error(`no ${q}`);
    return `found ${q}`;
  },
  { name: "flaky", description: "Fails every other time.", schema: z.object({ q: z.string() }) },
);

type Middleware = ReturnType<typeof langchain.createMiddleware>;
interface Case {
  readonly graph: { getState(config: object): Promise<{ values: { messages: BaseMessage[] } }> };
  readonly entry?: { readonly transcript: "state" };
  /** The person's message; after an interrupt, the decisions. */
  readonly turns: readonly string[];
  /** Messages that clients were sent, and that the state no longer holds or never did. */
  readonly sentOnly?: readonly unknown[];
  /** Messages of the state that clients were not sent. */
  readonly heldOnly?: readonly unknown[];
}

function piiMiddleware() {
  const everywhere = { applyToInput: true, applyToOutput: true, applyToToolResults: true };
  return langchain.piiMiddleware("email", { strategy: "redact", ...everywhere });
}

function cases({ model }: Brain): Record<string, Case> {
  const plain = ['look {"q":"a"} | Bye.', "again | x"];
  const agent = (
    middleware: unknown,
    turns: readonly string[] = plain,
    more: Partial<Case> & { readonly responseFormat?: unknown } = {},
  ): Case => {
    const { sentOnly, heldOnly, entry, ...options } = more;
    return {
      graph: langchain.createAgent({
        model: model(),
        tools: [look, flaky],
        checkpointer: memory(),
        middleware: [middleware].flat() as Middleware[],
        ...(options as object),
      }).graph as never,
      turns,
      ...(entry ? { entry } : {}),
      ...(sentOnly ? { sentOnly } : {}),
      ...(heldOnly ? { heldOnly } : {}),
    };
  };
  const worker = (name: string, tools: unknown[] = [look], prompt?: string) =>
    createReactAgent({ llm: model(), tools: tools as never, name, ...(prompt ? { prompt } : {}) });
  const transfer = "transfer_to_helper {} | Done by the boss.";
  const supervisor = (more: object, turns: readonly string[], differs: Partial<Case> = {}): Case => ({
    graph: createSupervisor({
      agents: [worker("helper", [look], "Say: Helped.")] as never,
      llm: model(),
      ...more,
    }).compile({ checkpointer: memory() }) as never,
    turns,
    ...differs,
  });
  return {
    none: agent([]),
    "context editing": agent(
      langchain.contextEditingMiddleware({
        edits: [
          new langchain.ClearToolUsesEdit({ trigger: { tokens: 1 }, keep: { messages: 0 }, clearToolInputs: true }),
        ],
      }),
      ['look {"q":"a"} & look {"q":"b"} | look {"q":"c"} | Bye.', 'look {"q":"d"} | Bye.'],
      // It clears the state's own objects, in place: nothing reports that.
      {
        sentOnly: [
          'assistant: On it.  look {"q":"a"} look {"q":"b"}',
          "tool: seen a",
          "tool: seen b",
          'assistant: On it.  look {"q":"c"}',
          "tool: seen c",
          'assistant: On it.  look {"q":"d"}',
          "tool: seen d",
        ],
        heldOnly: [
          "assistant: On it.  look {} look {}",
          "tool: [cleared]",
          "tool: [cleared]",
          "assistant: On it.  look {}",
          "tool: [cleared]",
          "assistant: On it.  look {}",
          "tool: [cleared]",
        ],
      },
    ),
    "dynamic system prompt": agent(langchain.dynamicSystemPromptMiddleware(() => "Be kind.")),
    "human in the loop": agent(
      langchain.humanInTheLoopMiddleware({ interruptOn: { look: true } }),
      [
        'look {"q":"a"} | Bye.',
        "approve",
        'look {"q":"b"} | Bye.',
        "edit",
        'look {"q":"c"} | Bye.',
        "reject",
        'look {"q":"d"} & look {"q":"e"} & flaky {"q":"f"} | Bye.',
        "approve approve",
      ],
      {
        // A tool's error is reported as it was thrown: what LangChain adds is for the model.
        sentOnly: ["tool: no f"],
        heldOnly: ["tool: Error: no f\n Please fix your mistakes."],
      },
    ),
    "tool selector": agent(langchain.llmToolSelectorMiddleware({ maxTools: 1 })),
    "model call limit": agent(langchain.modelCallLimitMiddleware({ runLimit: 1, exitBehavior: "end" })),
    "model fallback": agent(langchain.modelFallbackMiddleware(model()), ["break here", 'look {"q":"a"} | break x']),
    "model retry": agent(langchain.modelRetryMiddleware({ maxRetries: 1, initialDelayMs: 0 }), [
      "break one",
      'look {"q":"a"} | break two',
    ]),
    "model retry that gives up": agent(langchain.modelRetryMiddleware({ maxRetries: 0, onFailure: "continue" }), [
      "break three",
      "fine",
    ]),
    "moderation that ends": agent(langchain.openAIModerationMiddleware({ model: model(), exitBehavior: "end" }), [
      "flag this",
      "fine",
      'look {"q":"a"} | a fl\u200bag',
    ]),
    "moderation that replaces": agent(
      langchain.openAIModerationMiddleware({
        model: model(),
        exitBehavior: "replace",
        checkToolResults: true,
        checkInput: false,
      }),
      ["flag this", 'look {"q":"flag"} | fine'],
    ),
    pii: agent(piiMiddleware(), ['look {"q":"a@example.com"} | b@example.com', "c@example.com"], {
      sentOnly: ['user: look {"q":"a@example.com"} | b@example.com', "user: c@example.com"],
      heldOnly: ['user: look {"q":"[REDACTED_EMAIL]"} | [REDACTED_EMAIL]', "user: [REDACTED_EMAIL]"],
    }),
    "pii, with the state's transcript": agent(
      piiMiddleware(),
      ['look {"q":"a@example.com"} | b@example.com', "c@example.com"],
      { entry: { transcript: "state" } },
    ),
    "pii in answers": agent(
      [langchain.piiMiddleware("email", { applyToInput: false, applyToOutput: true, applyToToolResults: true })],
      ['look {"q":"a@example.com"} | b@example.com', "c@example.com"],
    ),
    "pii redaction": agent(langchain.piiRedactionMiddleware({ rules: { email: /\S+@example\.com/g } }), [
      'look {"q":"a"} | b@example.com',
      "c@example.com",
    ]),
    summarization: agent(
      langchain.summarizationMiddleware({
        model: model(),
        trigger: { messages: 3 },
        keep: { messages: 1 },
        summaryPrompt: "Sum up. {messages}",
      }),
      ['look {"q":"a"} | Bye.', "two", "three"],
      {
        sentOnly: [
          'user: look {"q":"a"} | Bye.',
          'assistant: On it.  look {"q":"a"}',
          "tool: seen a",
          "assistant: Answer: Done.",
          "user: two",
          "assistant: Answer: two",
        ],
        heldOnly: [expect.stringMatching(/^user: Here is a summary/)],
      },
    ),
    "todo list": agent(langchain.todoListMiddleware(), [
      'write_todos {"todos":[{"content":"a","status":"pending"}]} | look {"q":"a"} | Bye.',
      'write_todos {"todos":[{"content":"a","status":"completed"}]} & look {"q":"a"} | Bye.',
    ]),
    "tool call limit": agent(langchain.toolCallLimitMiddleware({ runLimit: 1, exitBehavior: "continue" }), [
      'look {"q":"a"} & look {"q":"b"} | look {"q":"c"} | Bye.',
      'look {"q":"d"} | Bye.',
    ]),
    "tool call limit that ends": agent(langchain.toolCallLimitMiddleware({ runLimit: 1, exitBehavior: "end" }), [
      'look {"q":"a"} | look {"q":"c"} | Bye.',
      'look {"q":"d"} | Bye.',
    ]),
    "tool emulator": agent(langchain.toolEmulatorMiddleware({ model: model() })),
    "tool error": agent(langchain.toolErrorMiddleware({ onError: () => "It failed." }), [
      'flaky {"q":"a"} | flaky {"q":"b"} | Bye.',
      'flaky {"q":"c"} & look {"q":"d"} | flaky {"q":"e"} | Bye.',
    ]),
    "tool retry": agent(langchain.toolRetryMiddleware({ maxRetries: 1, initialDelayMs: 0 }), [
      'flaky {"q":"a"} | Bye.',
      'flaky {"q":"b"} | Bye.',
    ]),
    "own middleware: hooks": agent(
      langchain.createMiddleware({
        name: "Hooks",
        beforeAgent: () => ({ messages: [new AIMessage("Welcome.")] }),
        beforeModel: {
          canJumpTo: ["end"],
          hook: ({ messages }) =>
            messages.at(-1)?.text === "stop" ? { jumpTo: "end", messages: [new AIMessage("Stopped.")] } : undefined,
        },
        afterModel: ({ messages }) => {
          const last = messages.at(-1) as AIMessage;
          return last.text.includes("Bye")
            ? { messages: [new AIMessage({ id: String(last.id), content: "Farewell." })] }
            : undefined;
        },
        afterAgent: () => ({ messages: [new AIMessage("Good night.")] }),
      }),
      ['look {"q":"a"} | Bye.', "stop"],
    ),
    "own middleware: wraps": agent(
      langchain.createMiddleware({
        name: "Wraps",
        wrapModelCall: async (request, handler) => {
          const answer = (await handler(request)) as AIMessage;
          return answer.tool_calls?.length
            ? answer
            : new AIMessage({ content: `${answer.text}!`, ...(answer.id ? { id: answer.id } : {}) });
        },
        wrapToolCall: async (request, handler) => {
          const result = (await handler(request)) as ToolMessage;
          return new ToolMessage({
            content: `${result.text}!`,
            tool_call_id: result.tool_call_id,
            ...(result.id ? { id: result.id } : {}),
          });
        },
      }),
    ),
    "own middleware: short circuits": agent(
      langchain.createMiddleware({
        name: "Short",
        wrapModelCall: async (request, handler) =>
          request.messages.at(-1)?.text === "canned" ? new AIMessage("From a can.") : handler(request),
        wrapToolCall: async ({ toolCall }) => new ToolMessage({ content: "cached", tool_call_id: String(toolCall.id) }),
      }),
      ['look {"q":"a"} | Bye.', "canned"],
    ),
    "structured response": agent([], ['answer {"text":"a"}', 'look {"q":"b"} | answer {"text":"b"}'], {
      responseFormat: langchain.toolStrategy({
        title: "answer",
        type: "object",
        properties: { text: { type: "string" } },
      }),
    }),
    supervisor: supervisor({}, [transfer, "Only the boss."]),
    "supervisor with full histories": supervisor({ outputMode: "full_history" }, [transfer, transfer]),
    "supervisor without handoffs": supervisor({ addHandoffMessages: false }, [transfer, "x"], {
      // The call and its empty result are in the supervisor's own state alone.
      sentOnly: ["assistant: On it.  transfer_to_helper {}", "tool:"],
    }),
    swarm: {
      graph: createSwarm({
        agents: [
          worker("alice", [look, createHandoffTool({ agentName: "bob" })]),
          worker("bob", [look, createHandoffTool({ agentName: "alice" })]),
        ] as never,
        defaultActiveAgent: "alice",
      }).compile({ checkpointer: memory() }) as never,
      turns: [
        'look {"q":"a"} | transfer_to_bob {} | look {"q":"b"} | Bob here.',
        'look {"q":"c"} | transfer_to_alice {} | Alice.',
      ],
    },
    deepagents: {
      graph: createDeepAgent({
        model: model(),
        tools: [look],
        checkpointer: memory(),
        subagents: [{ name: "digger", description: "Digs.", systemPrompt: "Dig.", tools: [look] }],
      }) as never,
      turns: [
        'write_todos {"todos":[{"content":"a","status":"pending"}]} | write_file {"file_path":"/a.md","content":"hello"} | read_file {"file_path":"/a.md"} | Bye.',
        'task {"description":"dig now","subagent_type":"digger"} & task {"description":"dig then","subagent_type":"digger"} | ls {"path":"/"} | Bye.',
      ],
      // A subagent's messages are in its own state; the caller's state has the task's result.
      sentOnly: ["assistant: Answer: dig now", "assistant: Answer: dig then"],
    },
  };
}

/** Middleware of a single provider, with its package and wire format. The turns call the model twice and then once. */
async function ofProviders(): Promise<{ cases: Record<string, Case>; endpoints: Endpoint[] }> {
  const own = await Promise.all([wires.anthropic, wires.responses].map((wire) => endpoint(wire)));
  const bedrock = await endpoint(wires.bedrock, true);
  const [anthropic, responses] = own as [Endpoint, Endpoint];
  for (const { answer } of [...own, bedrock]) {
    answer([
      { text: "Looking. ", call: { id: "call-x", name: "look", args: { q: "a" } } },
      { text: "Bye." },
      { text: "Yes." },
    ]);
  }
  const options = { model: "m", apiKey: "none", maxRetries: 0 };
  const agent = (model: BaseChatModel, middleware: unknown): Case => ({
    graph: langchain.createAgent({
      model,
      tools: [look],
      checkpointer: memory(),
      middleware: [middleware as Middleware],
    }).graph as never,
    turns: ["one", "two"],
  });
  const cases = {
    "anthropic prompt caching": agent(
      new ChatAnthropic({ ...options, anthropicApiUrl: anthropic.url, maxTokens: 100 }),
      langchain.anthropicPromptCachingMiddleware(),
    ),
    "bedrock prompt caching": agent(bedrockModel(bedrock.url), langchain.bedrockPromptCachingMiddleware()),
    "provider tool search": agent(
      new ChatOpenAI({ ...options, configuration: { baseURL: responses.url } }),
      langchain.providerToolSearchMiddleware({ searchableTools: ["look"] }),
    ),
  };
  return { cases, endpoints: [...own, bedrock] };
}

const mind = await brain();
const providers = await ofProviders();
const all = { ...cases(mind), ...providers.cases };

it("has every middleware that langchain exports", () => {
  const own = readFileSync(import.meta.filename, "utf8");
  const exported = Object.keys(langchain).filter((name) => name.endsWith("Middleware"));
  expect(exported.filter((name) => !own.includes(`langchain.${name}(`))).toEqual([]);
});

describe("after two turns", () => {
  let sluice: TestSluice;
  beforeAll(async () => {
    sluice = await startSluice(
      Object.fromEntries(
        Object.entries(all).map(([name, { graph, entry }]) => [slug(name), { graph, ...(entry ? { entry } : {}) }]),
      ),
    );
  });
  afterAll(async () => {
    await sluice.close();
    await mind.close();
    for (const { close } of providers.endpoints) await close();
  });

  async function transcript(threadId: string): Promise<Message[]> {
    const response = await fetch(`${sluice.url}/threads/${threadId}/messages`);
    return ((await response.json()) as { messages: Message[] }).messages;
  }

  for (const [name, { graph, turns, sentOnly = [], heldOnly = [] }] of Object.entries(all)) {
    it(name, async () => {
      const threadId = slug(name);
      let last: AguiEvent | undefined;
      for (const turn of turns) {
        const answers = last && "outcome" in last && last.outcome?.type === "interrupt" ? last.outcome.interrupts : [];
        const input = answers.length
          ? userInput("", {
              threadId,
              messages: [],
              resume: answers.map(({ id }) => ({
                interruptId: id,
                status: "resolved" as const,
                payload: { decisions: decisions(turn) },
              })),
            })
          : userInput(turn, { threadId });
        const events = await (await postRun(sluice.url, input, `/agui/agent/${slug(name)}/run`)).done;
        await verifyRun(events);
        last = events.at(-1);
        expect(last?.type === EventType.RUN_ERROR ? last : undefined).toBeUndefined();
      }
      const { values } = await graph.getState({ configurable: { thread_id: threadId } });
      const sent = inOrder((await transcript(threadId)).map(fromClient));
      const held = inOrder(values.messages.map(fromState));
      const keys = (messages: readonly Known[]) => messages.map(({ key }) => key);
      const besides = (some: readonly Known[], others: readonly Known[]) =>
        some.filter(({ key }) => !keys(others).includes(key));
      expect(besides(sent, held).map(({ label }) => label)).toEqual(sentOnly);
      expect(besides(held, sent).map(({ label }) => label)).toEqual(heldOnly);
      expect(keys(sent).filter((key) => keys(held).includes(key))).toEqual(
        keys(held).filter((key) => keys(sent).includes(key)),
      );
    });
  }
});

const slug = (name: string) => name.replaceAll(/\W+/g, "-");

function decisions(turn: string): object[] {
  return turn
    .split(" ")
    .map((type) => (type === "edit" ? { type, editedAction: { name: "look", args: { q: "edited" } } } : { type }));
}

interface Known {
  readonly role: string;
  /** The part of a message that clients and graph share. Of the ids, only those from the endpoint. */
  readonly key: string;
  readonly label: string;
}

function known(role: string, content: string, id: string | undefined, calls: readonly Call[]): Known {
  const made = [...calls].sort((one, other) => one.id.localeCompare(other.id));
  const label = [`${role}:`, content, ...made.map((call) => `${call.name} ${JSON.stringify(call.args)}`)]
    .join(" ")
    .trim();
  const key = JSON.stringify([role, content, role === "assistant" && !id?.startsWith("chat-") ? "" : id, made]);
  return { role, key, label };
}

interface Call {
  readonly id: string;
  readonly name: string;
  readonly args: unknown;
}

function fromClient(message: Message): Known {
  const { role } = message;
  const content = typeof message.content === "string" ? message.content : JSON.stringify(message.content ?? "");
  if (message.role === "tool") return known(role, content, message.toolCallId, []);
  if (message.role !== "assistant") return known(role, content, message.id, []);
  const calls = (message.toolCalls ?? []).map(({ id, function: { name, arguments: args } }) => ({
    id,
    name,
    args: JSON.parse(args) as unknown,
  }));
  return known(role, message.content ?? "", message.id, calls);
}

function fromState(message: BaseMessage): Known {
  const { id, text } = message;
  if (ToolMessage.isInstance(message)) return known("tool", text, message.tool_call_id, []);
  if (!AIMessage.isInstance(message)) return known("user", text, id, []);
  const calls = (message.tool_calls ?? []).map((call) => ({ ...call, id: String(call.id) }));
  return known(
    "assistant",
    text,
    id,
    calls.map(({ id, name, args }) => ({ id, name, args })),
  );
}

/**
 * Sorts the results of parallel tools: the state has them in the order of the calls, the transcript in the order of
 * arrival.
 */
function inOrder(messages: readonly Known[]): Known[] {
  const group = messages.map(({ role }, index) =>
    role === "tool" ? messages.findLastIndex((one, at) => at < index && one.role !== "tool") + 0.5 : index,
  );
  return messages
    .map((message, index) => ({ message, at: group[index] as number }))
    .sort((one, other) => one.at - other.at || one.message.key.localeCompare(other.message.key))
    .map(({ message }) => message);
}
