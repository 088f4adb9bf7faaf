/** The graph that the clients use. */
import { type AIMessage, ToolMessage } from "@langchain/core/messages";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { memory } from "../support/sluice.ts";
import type { SteppedModel } from "../support/stepped-model.ts";

/** A graph that answers, calls a tool or asks, as its current model decides. */
export function lookingGraph(model: () => SteppedModel) {
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model().invoke(messages) }))
    .addNode("tools", ({ messages }) => {
      const calls = (messages.at(-1) as AIMessage).tool_calls ?? [];
      return {
        messages: calls.map(({ id, name }) => {
          const content = name === "ask" ? `You said ${interrupt({ message: "Go on?" })}` : "It is here.";
          return new ToolMessage({ tool_call_id: String(id), content });
        }),
      };
    })
    .addEdge(START, "chat")
    .addConditionalEdges("chat", ({ messages }) =>
      ((messages.at(-1) as AIMessage).tool_calls ?? []).length > 0 ? "tools" : END,
    )
    .addEdge("tools", "chat")
    .compile({ checkpointer: memory() });
}
