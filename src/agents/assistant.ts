import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { END, type LangGraphRunnableConfig, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { frontendContext, frontendTools, pendingCalls } from "../authoring/frontend-tools.ts";
import { completeHistory } from "../authoring/history.ts";
import { takeInjected } from "../authoring/injected.ts";
import type { SourceDocument } from "./documents.ts";
import { type Models, nodeModel, withTools } from "./node-model.ts";
import { askHuman } from "./tools/ask-human.ts";
import { calculator } from "./tools/calculator.ts";
import { convertUnits } from "./tools/convert-units.ts";
import { currentTime } from "./tools/current-time.ts";
import { searchDocs } from "./tools/search-docs.ts";

/** The parts of an {@link assistant}. Its models have to be able to bind tools. */
export interface AssistantOptions extends Models {
  /** Keeps the threads. Without one there is no memory, and `ask_human` fails: an interrupt needs a checkpoint. */
  checkpointer?: BaseCheckpointSaver;
  /** The documents that `search_docs` searches. Default: none. */
  documents?: readonly SourceDocument[];
}

const SYSTEM_PROMPT = `You are the assistant that ships with Sluice, a server for LangGraph.js graphs.
Use the tools rather than your memory for arithmetic, unit conversions, the time, and questions about Sluice;
cite the source of what you found. Ask the person with ask_human before anything that cannot be undone.
Be brief.`;

type State = typeof MessagesAnnotation.State;

/**
 * A model that may call tools, in a loop, until it answers without calling one. It has its own tools and those of the
 * frontend. When it calls a frontend's tool, the run ends, and the next run brings the result.
 */
export function assistant({ checkpointer, documents = [], ...models }: AssistantOptions) {
  const tools = [calculator, convertUnits, currentTime(), searchDocs(documents), askHuman];
  withTools(models.model, tools); // a model without tools is refused now, and not in the first run
  const toolNode = new ToolNode(tools);
  const pending = ({ messages }: State, config: LangGraphRunnableConfig) =>
    pendingCalls(messages, frontendTools(config, tools));

  // The prompt is added for each call and never stored, so the state holds the conversation and nothing else.
  const callModel = async ({ messages }: State, config: LangGraphRunnableConfig) => {
    const prompt = new SystemMessage(SYSTEM_PROMPT + frontendContext(config));
    const modelWithTools = withTools(nodeModel(models, config), [...tools, ...frontendTools(config, tools)]);
    const sent = await takeInjected(config);
    const answer = await modelWithTools.invoke([prompt, ...completeHistory([...messages, ...sent])], config);
    // The user may have sent a message during the last answer. It is answered too.
    const more = answer.tool_calls?.length ? [] : await takeInjected(config);
    return { messages: [...sent, answer, ...more] };
  };

  // A ToolNode runs the calls of the last message. It gets a message with only the agent's own calls, because the
  // frontend runs the others.
  const callTools = (state: State, config: LangGraphRunnableConfig) => {
    const { own } = pending(state, config);
    return toolNode.invoke({ messages: [new AIMessage({ content: "", tool_calls: own })] }, config);
  };

  const afterModel = (state: State, config: LangGraphRunnableConfig) => {
    if (HumanMessage.isInstance(state.messages.at(-1))) return "model";
    return pending(state, config).own.length > 0 ? "tools" : END;
  };
  const afterTools = (state: State, config: LangGraphRunnableConfig) =>
    pending(state, config).frontend.length > 0 ? END : "model";

  return new StateGraph(MessagesAnnotation)
    .addNode("model", callModel)
    .addNode("tools", callTools)
    .addEdge(START, "model")
    .addConditionalEdges("model", afterModel, ["model", "tools", END])
    .addConditionalEdges("tools", afterTools, ["model", END])
    .compile({ checkpointer });
}
