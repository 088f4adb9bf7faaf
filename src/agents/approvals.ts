import { AIMessage, SystemMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { tool } from "@langchain/core/tools";
import {
  Command,
  END,
  interrupt,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { z } from "zod";
import { completeHistory } from "../authoring/history.ts";
import { answerSchema, type Decision, readDecision } from "./decision.ts";
import { type Models, nodeModel, withTools } from "./node-model.ts";
import { noteSchema, writeNote } from "./tools/write-note.ts";

/** The parts that {@link approvals} is built from. Its models have to be able to bind tools. */
export interface ApprovalsOptions extends Models {
  /** Keeps the threads. Without one a run cannot wait for a person; Sluice lends one to a graph that has none. */
  checkpointer?: BaseCheckpointSaver;
  /** The folder that notes are written to. Made when the first is written. */
  notesDir: string;
}

const SYSTEM_PROMPT = new SystemMessage(
  `You keep notes for the person. Write one with write_note when you are asked to: each waits for the person, who may
approve it, change it, or reject it. Then say in a sentence what happened. Do not propose a rejected note again unless
you are asked to. Be brief.`,
);

/** The fields that `review` hands to `act`. */
interface Reviewed {
  readonly call: ToolCall;
  readonly decision: Decision;
}

/**
 * An agent that asks before it acts. Each note the model wants to write waits for a person in a `review` of its own, so
 * several can wait side by side. A resumed node starts again from its beginning. So a later node, `act`, does the
 * writing: it begins only when the answer has come.
 */
export function approvals({ checkpointer, notesDir, ...models }: ApprovalsOptions) {
  const noteTool = writeNote(notesDir);
  withTools(models.model, [noteTool]); // a model without tools is refused now, and not in the first run

  const callModel = async ({ messages }: typeof MessagesAnnotation.State, config: LangGraphRunnableConfig) => {
    const model = withTools(nodeModel(models, config), [noteTool]);
    return { messages: [await model.invoke([SYSTEM_PROMPT, ...completeHistory(messages)], config)] };
  };

  const afterModel = ({ messages }: typeof MessagesAnnotation.State) => {
    const last = messages.at(-1);
    const calls = AIMessage.isInstance(last) ? (last.tool_calls ?? []) : [];
    return calls.length > 0 ? calls.map((call) => new Send("review", call)) : END;
  };

  const review = (call: ToolCall) =>
    new Command({ goto: new Send("act", { call, decision: decide(call) } satisfies Reviewed) });

  // An approval and a refusal both run a tool with the call's id, so clients get a result even when nothing was done.
  const act = ({ call, decision }: Reviewed, config: LangGraphRunnableConfig) => {
    const args = decision.approved ? decision.note : call.args;
    const run = new ToolNode([decision.approved ? noteTool : refusal(call.name, decision.reason)]);
    return run.invoke({ messages: [new AIMessage({ content: "", tool_calls: [{ ...call, args }] })] }, config);
  };

  return new StateGraph(MessagesAnnotation)
    .addNode("model", callModel)
    .addNode("review", review, { ends: ["act"] })
    .addNode("act", act)
    .addEdge(START, "model")
    .addConditionalEdges("model", afterModel, ["review", END])
    .addEdge("act", "model")
    .compile({ checkpointer });
}

/** Asks the person, and waits. A call that cannot be carried out is refused without asking. */
function decide({ id, name, args }: ToolCall): Decision {
  const proposed = noteSchema.safeParse(args);
  if (name !== "write_note" || !proposed.success) {
    return { approved: false, reason: "Nothing was done: this is no valid call of write_note." };
  }
  const note = proposed.data;
  const answer: unknown = interrupt({
    reason: "approval",
    message: `May I write this note?\n\n${note.title}\n\n${note.text}`,
    action: { name, args: note },
    tool_call_id: id,
    responseSchema: answerSchema(note),
  });
  return readDecision(answer, note);
}

/** A tool that does nothing but give the reason why nothing was done. */
function refusal(name: string, reason: string) {
  return tool(() => reason, { name, description: "Answers a call that was not approved.", schema: z.looseObject({}) });
}
