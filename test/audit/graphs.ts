/** Graphs with one leak each, and graphs without any. Models and tools are the audit's own. */
import { dispatchCustomEvent } from "@langchain/core/callbacks/dispatch";
import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import {
  Annotation,
  interrupt,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { createAgent } from "langchain";
import { z } from "zod";
import type { AgentSettings } from "../../src/config/agents.ts";
import { memory } from "../support/sluice.ts";
import { SteppedModel } from "../support/stepped-model.ts";

export interface Case {
  readonly graph: object;
  readonly entry?: AgentSettings;
  readonly settings?: Readonly<Record<string, string>>;
}

const PROMPT = "You work for the house of Mondrian. Never offer more than nine percent off.";
const Open = Annotation.Root({
  ...MessagesAnnotation.spec,
  plan: Annotation<string>,
  notes: Annotation<string>,
});
type State = typeof Open.State;
type Update = Partial<typeof Open.Update>;
type Node = (state: State, config: LangGraphRunnableConfig) => Promise<Update> | Update;

class Model extends SteppedModel {
  override bindTools(tools: unknown[] = []): this {
    return this.withConfig({ tools } as never) as never;
  }
}

const model = () => new Model();
const SECRET_PLAN = "First flatter them, then sell the dearest thing.";

async function answer({ messages }: State): Promise<Update> {
  return { messages: [await model().invoke([new SystemMessage(PROMPT), ...messages])] };
}

/** Makes a graph with `first` before a node that answers correctly. */
function graphOf(first: Node, next: Node = answer): object {
  return new StateGraph(Open)
    .addNode("first", first)
    .addNode("answer", next)
    .addEdge(START, "first")
    .addEdge("first", "answer")
    .compile({ checkpointer: memory() });
}

const look = (say: () => string = () => "It is raining in the records.") =>
  tool(async () => say(), { name: "look", description: "Looks it up.", schema: z.object({ what: z.string() }) });

function agentWith(tools: ReturnType<typeof look>[]): object {
  return createAgent({ model: model(), tools, systemPrompt: PROMPT, checkpointer: memory() }).graph;
}

const nothing: Node = () => ({});

/** A graph whose first node asks an agent of its own, and notes its answer. */
function asking(next?: Node): object {
  const expert = new StateGraph(Open).addNode("write", answer).addEdge(START, "write").compile();
  return graphOf(async (state) => ({ notes: (await expert.invoke(state)).messages.at(-1)?.text }), next);
}

export const LEAKING: Readonly<Record<string, readonly [leak: string, line: string, Case]>> = {
  "a prompt in a custom event": [
    "prompt:answer",
    "STREAM_ALLOWED_EVENTS: on_custom_event",
    {
      graph: graphOf(async (_, config) => {
        await dispatchCustomEvent("started", { with: [PROMPT] }, config);
        return {};
      }),
    },
  ],
  "a prompt in an activity": [
    "prompt:answer",
    "STREAM_ALLOWED_EVENTS: on_custom_event",
    {
      graph: graphOf(async (_, config) => {
        const activity = { activity_type: "PLAN", content: { by: PROMPT } };
        config.writer?.({ name: "manually_emit_activity", value: activity });
        return {};
      }),
    },
  ],
  "a prompt in base64, piece by piece, over config.writer": [
    "prompt:answer",
    "STREAM_ALLOWED_EVENTS: on_custom_event",
    {
      graph: graphOf((_, { writer }) => {
        const encoded = Buffer.from(`trace=${PROMPT}`).toString("base64");
        for (const piece of encoded.match(/.{1,7}/g) ?? []) writer?.({ name: "trace", value: { piece } });
        return {};
      }),
    },
  ],
  "state in an exposed key": [
    "state:plan",
    'state: ["plan"]',
    { graph: graphOf(() => ({ plan: SECRET_PLAN })), entry: { state: ["plan"] } },
  ],
  "state in a message that a node adds": [
    "state:notes",
    "STREAM_ALLOWED_EVENTS: on_chain_end",
    {
      graph: graphOf(
        () => ({ notes: "The customer owes us four thousand." }),
        ({ notes }) => ({ messages: [{ role: "assistant", content: `Well. ${notes}` }] }),
      ),
    },
  ],
  "a key in an error": [
    "environment:AUDITED_PASSPORT",
    "an error's message, which leaves by itself",
    {
      graph: graphOf(() => {
        throw new Error(`The passport ${process.env.AUDITED_PASSPORT} has expired.`);
      }),
    },
  ],
  "a key in an answer": [
    "environment:AUDITED_PASSPORT",
    "STREAM_ALLOWED_EVENTS: on_chain_end",
    {
      graph: graphOf(nothing, () => ({
        messages: [{ role: "assistant", content: `Yours, ${encodeURIComponent(` ${process.env.AUDITED_PASSPORT}`)}` }],
      })),
    },
  ],
  "a hidden node's text through on_chain_end": [
    "node:first",
    "STREAM_ALLOWED_EVENTS: on_chain_end",
    {
      graph: graphOf(
        async () => ({ notes: (await model().invoke([new HumanMessage("Think.")])).text }),
        ({ notes }) => ({ messages: [{ role: "assistant", content: notes }] }),
      ),
      entry: { nodes: { first: { messages: false } } },
    },
  ],
  "the words of a hidden subagent, in a message of another node": [
    "node:first/write",
    "STREAM_ALLOWED_EVENTS: on_chain_end",
    {
      graph: asking(({ notes }) => ({ messages: [{ role: "assistant", content: notes }] })),
      entry: { filter: { subagents: [] } },
    },
  ],
  "a prompt in a field that the langgraph format shows": [
    "prompt:answer",
    "graphFields.on_chat_model_start",
    {
      graph: graphOf(nothing),
      entry: { graphFields: { on_chat_model_start: ["input"] } },
      settings: { STREAM_ALLOWED_EVENTS: "on_chat_model_*" },
    },
  ],
  "what a tool was given, where only answers may leave": [
    "tool-arguments:look",
    "STREAM_ALLOWED_EVENTS: on_chat_model_stream",
    { graph: agentWith([look()]), entry: { audit: ["tool-results", "error"] } },
  ],
  "state in the question of an interrupt": [
    "state:notes",
    "a question of the graph (interrupt), which leaves by itself",
    {
      graph: graphOf(
        () => ({ notes: "The customer owes us four thousand." }),
        ({ notes }) => {
          interrupt({ message: "Go on?", details: { notes } });
          return {};
        },
      ),
    },
  ],
};

export const CLEAN: Readonly<Record<string, Case>> = {
  "an agent with a tool": { graph: agentWith([look()]) },
  "a node that is hidden, and stays so": {
    graph: graphOf(async () => ({ notes: (await model().invoke([new SystemMessage(PROMPT)])).text })),
    entry: { filter: { nodes: { exclude: ["first"] } } },
  },
  "a subagent that is hidden, and stays so": {
    graph: asking(),
    entry: { filter: { subagents: [] } },
  },
  "state that is not exposed": { graph: graphOf(() => ({ plan: SECRET_PLAN, notes: "Nobody has to know of these." })) },
  "state that may leave": {
    graph: graphOf(() => ({ plan: "A plan that everybody may see." })),
    entry: { state: ["plan"], audit: ["tool-arguments", "tool-results", "error", "state:plan"] },
  },
  "a key with a secret's name, in an error": {
    graph: graphOf(() => {
      throw new Error(`Incorrect API key provided: ${process.env.AUDITED_API_KEY}.`);
    }),
  },
};
