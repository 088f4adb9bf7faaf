/**
 * Messages that users send while a run is active. They wait until the graph takes them: before a model is asked, or
 * instead of the end. A message that the graph has not taken when the run ends goes back to its sender.
 */
import { AIMessage, type BaseMessage } from "@langchain/core/messages";

/** The part of a node's config, or of a middleware's runtime, that is read. */
export interface Taking {
  readonly configurable?: Record<string, unknown> | undefined;
}

/**
 * Takes the messages that were sent into this run, each once, in their order. Outside Sluice there are none. Clients
 * that follow the run see them at this place. Give them to the model after the history, and return them for the state.
 *
 * @example
 * async function model({ messages }, config) {
 *   const sent = await takeInjected(config);
 *   return { messages: [...sent, await llm.invoke([...messages, ...sent], config)] };
 * }
 */
export async function takeInjected({ configurable }: Taking): Promise<BaseMessage[]> {
  const sluice = configurable?.sluice as { readonly takeInjected?: () => Promise<BaseMessage[]> } | undefined;
  return (await sluice?.takeInjected?.()) ?? [];
}

/** The argument of LangChain's `createMiddleware`. */
export interface InjectedMessages {
  readonly name: string;
  /** Takes the messages that wait, before a call of the model. */
  readonly beforeModel: (state: State, runtime: Taking) => Promise<{ messages: BaseMessage[] } | undefined>;
  readonly afterModel: {
    readonly canJumpTo: ["model"];
    /** Takes the messages that came meanwhile, and sends the agent back to its model. */
    readonly hook: (state: State, runtime: Taking) => Promise<{ messages: BaseMessage[]; jumpTo: "model" } | undefined>;
  };
}

interface State {
  readonly messages: readonly BaseMessage[];
}

/**
 * A middleware that lets an agent take the messages that were sent into its run: before each call of its model, and
 * after the last call. Then the model is called again.
 *
 * @example
 * createAgent({ model, tools, middleware: [createMiddleware(injectedMessages())] });
 */
export function injectedMessages(): InjectedMessages {
  return {
    name: "InjectedMessages",
    beforeModel: async (_state, runtime) => {
      const messages = await takeInjected(runtime);
      return messages.length > 0 ? { messages } : undefined;
    },
    afterModel: {
      canJumpTo: ["model"],
      hook: async ({ messages: history }, runtime) => {
        // No message may come between calls and their results, so the messages are taken after the tools.
        const last = history.at(-1);
        if (AIMessage.isInstance(last) && (last.tool_calls?.length ?? 0) > 0) return undefined;
        const messages = await takeInjected(runtime);
        return messages.length > 0 ? { messages, jumpTo: "model" } : undefined;
      },
    },
  };
}
