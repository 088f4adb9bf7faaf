/**
 * The graphs of the chaos test. Each has two steps that produce words at a steady pace, with a checkpoint between them.
 */
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { Scripted } from "../soak/scripted.ts";
import { answersTo } from "./words.ts";

/** The time between two words, in milliseconds. */
const PACE_MS = 200;

function step(which: 0 | 1) {
  const model = new Scripted(async function* (question) {
    for (const content of answersTo(question)[which]) {
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
      yield { content };
    }
  });
  return async ({ messages }: { messages: BaseMessage[] }) => ({
    messages: [await model.invoke(messages.filter((message) => HumanMessage.isInstance(message)).slice(-1))],
  });
}

const paced = () =>
  new StateGraph(MessagesAnnotation)
    .addNode("first", step(0))
    .addNode("second", step(1))
    .addEdge(START, "first")
    .addEdge("first", "second")
    .compile();

/** These are two graphs, because the server lends each one its own checkpointer. */
export const lost = paced();
export const recovered = paced();
