/** Recognizes the values that LangGraph itself throws. Other code may throw anything, also values that cannot be read. */
import { isGraphBubbleUp, isGraphInterrupt } from "@langchain/langgraph";

/** Does it only leave LangGraph's loop: with a question, or to hand over to another node? That is no failure. */
export function leavesLoop(thrown: unknown): boolean {
  try {
    return isGraphBubbleUp(thrown);
  } catch {
    return false; // `null` has no members, and those of a proxy may throw.
  }
}

/** The ids of the questions that it asks; none if it is anything else. */
export function questionsIn(thrown: unknown): readonly string[] {
  try {
    if (!isGraphInterrupt(thrown)) return [];
    return thrown.interrupts.flatMap(({ id }) => (typeof id === "string" ? [id] : []));
  } catch {
    return [];
  }
}
