import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, SystemMessage } from "@langchain/core/messages";
import { END, type LangGraphRunnableConfig, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import type { SourceDocument } from "./documents.ts";
import { askHuman } from "./tools/ask-human.ts";
import { calculator } from "./tools/calculator.ts";
import { convertUnits } from "./tools/convert-units.ts";
import { currentTime } from "./tools/current-time.ts";
import { searchDocs } from "./tools/search-docs.ts";

/** What {@link assistant} is built from. */
export interface AssistantOptions {
  /** Any chat model that can bind tools. */
  model: BaseChatModel;
  /** Keeps the threads. Without one there is no memory, and `ask_human` fails: an interrupt needs a checkpoint. */
  checkpointer?: BaseCheckpointSaver;
  /** What `search_docs` searches. Default: nothing. */
  documents?: readonly SourceDocument[];
}

const SYSTEM_PROMPT = new SystemMessage(
  `You are the assistant that ships with Sluice, a server for LangGraph.js graphs.
Use the tools rather than your memory for arithmetic, unit conversions, the time, and questions about Sluice;
cite the source of what you found. Ask the person with ask_human before anything that cannot be undone.
Be brief.`,
);

/** A model that may call tools, in a loop, until it answers without calling one. */
export function assistant({ model, checkpointer, documents = [] }: AssistantOptions) {
  if (!model.bindTools) throw new Error(`The chat model "${model.getName()}" cannot bind tools.`);

  const tools = [calculator, convertUnits, currentTime(), searchDocs(documents), askHuman];
  const modelWithTools = model.bindTools(tools);

  // The prompt is added for each call and never stored, so the state holds the conversation and nothing else.
  const callModel = async (state: typeof MessagesAnnotation.State, config: LangGraphRunnableConfig) => ({
    messages: [await modelWithTools.invoke([SYSTEM_PROMPT, ...state.messages], config)],
  });

  const next = (state: typeof MessagesAnnotation.State) => {
    const last = state.messages.at(-1);
    return AIMessage.isInstance(last) && last.tool_calls?.length ? "tools" : END;
  };

  return new StateGraph(MessagesAnnotation)
    .addNode("model", callModel)
    .addNode("tools", new ToolNode(tools))
    .addEdge(START, "model")
    .addConditionalEdges("model", next, ["tools", END])
    .addEdge("tools", "model")
    .compile({ checkpointer });
}
