import type { BaseChatModel, BindToolsInput } from "@langchain/core/language_models/chat_models";
import type { RunnableConfig } from "@langchain/core/runnables";

/** The models that an agent may call. */
export interface Models {
  /** Any chat model. It answers wherever a node is not set to use another. */
  model: BaseChatModel;
  /** The model of that name, for nodes whose settings name one. Default: `model`, whatever the name. */
  named?: ((name: string) => BaseChatModel) | undefined;
}

/**
 * The model for the node that runs with this `config`: what `nodes.<node>.model` in agents.json says, which Sluice puts
 * into `config.configurable.models`.
 */
export function nodeModel({ model, named }: Models, { configurable, metadata }: RunnableConfig): BaseChatModel {
  const node = metadata?.langgraph_node;
  const names = configurable?.models as Readonly<Record<string, string>> | undefined;
  const name = typeof node === "string" ? names?.[node] : undefined;
  return name !== undefined && named ? named(name) : model;
}

/** @throws when the model cannot be given tools. */
export function withTools(model: BaseChatModel, tools: BindToolsInput[]) {
  if (!model.bindTools) throw new Error(`The chat model "${model.getName()}" cannot bind tools.`);
  return model.bindTools(tools);
}
