/**
 * Frontend tools: tools that the client brings with a run and runs itself, such as one that changes the page it shows.
 * The graph only lets the model call them. Then the run ends, and the next one brings the result as a tool message.
 */
import type { ToolDefinition } from "@langchain/core/language_models/base";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { RunnableConfig } from "@langchain/core/runnables";

/** The tools and context of a run's client, as Sluice puts them in `config.configurable.ag_ui`. */
interface Offered {
  readonly tools?: readonly {
    readonly name: string;
    readonly description: string;
    /** JSON Schema. */
    readonly parameters?: Record<string, unknown>;
  }[];
  readonly context?: readonly { readonly description: string; readonly value: string }[];
  readonly toolChoice?: string | Record<string, unknown>;
}

/**
 * The tools this run's client brought, as `bindTools` takes them.
 *
 * @param own - the agent's own tools. A client's tool with the name of one of these is left out, so that a client
 * cannot replace an agent's tool.
 */
export function frontendTools(config: RunnableConfig, own: readonly { name: string }[] = []): ToolDefinition[] {
  const taken = new Set(own.map(({ name }) => name));
  return (offered(config).tools ?? []).flatMap(({ name, description, parameters }) => {
    if (taken.has(name)) return [];
    taken.add(name);
    const schema = parameters ?? { type: "object", properties: {} };
    return [{ type: "function", function: { name, description, parameters: schema } }];
  });
}

/**
 * Returns the tool that this run's client wants the model to call, as `bindTools` takes it in `tool_choice`;
 * `undefined`: the model decides. Bind it only for the first answer of a run. Otherwise the model calls the tool again
 * and again.
 */
export function frontendToolChoice(config: RunnableConfig): string | Record<string, unknown> | undefined {
  return offered(config).toolChoice;
}

/** The context that this run's client sent, as a paragraph for the system prompt. Empty when it sent none. */
export function frontendContext(config: RunnableConfig): string {
  const entries = offered(config).context ?? [];
  if (entries.length === 0) return "";
  const lines = entries.map(({ description, value }) => `- ${description}: ${value}`);
  return `\n\nThis is what the person has in front of them:\n${lines.join("\n")}`;
}

/** The calls of the last AI message, sorted into the agent's and the frontend's. */
export function pendingCalls(
  messages: readonly BaseMessage[],
  frontend: readonly ToolDefinition[],
): { own: ToolCall[]; frontend: ToolCall[] } {
  const last = messages.findLast((message) => AIMessage.isInstance(message));
  const isFrontend = ({ name }: ToolCall) => frontend.some((tool) => tool.function.name === name);
  const calls = last?.tool_calls ?? [];
  return { own: calls.filter((call) => !isFrontend(call)), frontend: calls.filter(isFrontend) };
}

function offered(config: RunnableConfig): Offered {
  return (config.configurable?.ag_ui as Offered | undefined) ?? {};
}
