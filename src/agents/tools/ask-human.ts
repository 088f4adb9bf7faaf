import { tool } from "@langchain/core/tools";
import { interrupt } from "@langchain/langgraph";
import { z } from "zod";

const SKIPPED = "The person skipped the question.";

/**
 * Interrupts the run with a question and returns the answer as text, once the run is resumed with it. A resumed node
 * starts again from its beginning, so nothing may happen here before the interrupt.
 */
export const askHuman = tool(
  ({ question }) => {
    const answer: unknown = interrupt({ message: question, question });
    if (typeof answer === "object" && answer !== null && "__agui_cancelled__" in answer) return SKIPPED;
    return typeof answer === "string" ? answer : (JSON.stringify(answer) ?? "(no answer)");
  },
  {
    name: "ask_human",
    description:
      "Ask the person a question and wait for the answer. Use it for approval, or when only the person can decide.",
    schema: z.object({ question: z.string().min(1).describe("The question, complete in itself.") }),
  },
);
