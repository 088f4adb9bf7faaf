/** Graphs that reason, use a tool and answer, as their model decides. */
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { z } from "zod";
import { memory } from "../../support/sluice.ts";

const weather = tool(({ city }) => `Rain in ${city}.`, {
  name: "weather",
  description: "The weather.",
  schema: z.object({ city: z.string() }),
});

/** Two nodes, `chat` and `tools`, until the model asks for no more tools. */
export function weatherGraph(model: BaseChatModel) {
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addNode("tools", new ToolNode([weather]))
    .addEdge(START, "chat")
    .addConditionalEdges("chat", toolsCondition)
    .addEdge("tools", "chat")
    .compile({ checkpointer: memory() });
}

/** Asks, and repeats what it was answered. */
export function askingGraph() {
  return new StateGraph(MessagesAnnotation)
    .addNode("ask", () => ({
      messages: [new AIMessage(`You said ${String(interrupt({ message: "Shall I?" }))}`)],
    }))
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer: memory() });
}
