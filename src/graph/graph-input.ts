/** The input of a graph's run: new messages and values for its state, or a command. */
import { Command, Send } from "@langchain/langgraph";
import type { GraphCommand } from "../protocol/steering.ts";
import { toLangChain } from "./input.ts";
import { offeredState } from "./offered-state.ts";
import type { RunRequest } from "./run-request.ts";

/** Returns the input in LangGraph's form. `null`: the graph continues from its last checkpoint. */
export function toGraphInput({ input, offeredKeys = [], offered }: RunRequest): unknown {
  const { kind, command } = input;
  if (kind === "continue") return command ? toCommand(command, command.update ?? {}) : null;
  const messages = toLangChain(input.messages);
  const given = { ...offeredState(offeredKeys, offered), ...command?.update };
  if (kind === "messages" && !command) return { ...input.state, ...given, messages };
  const state = kind === "messages" ? { ...input.state, ...given } : given;
  const update = messages.length > 0 ? { ...state, messages } : state;
  return toCommand(command, update, kind === "resume" ? { ...input.answers } : undefined);
}

function toCommand(
  command: GraphCommand | undefined,
  update: Record<string, unknown>,
  resume?: Readonly<Record<string, unknown>>,
) {
  const goto = command?.goto?.map((to) => (typeof to === "string" ? to : new Send(to.node, to.input)));
  return new Command({
    ...(resume ? { resume } : {}),
    ...(Object.keys(update).length > 0 ? { update } : {}),
    ...(goto ? { goto } : {}),
  });
}
