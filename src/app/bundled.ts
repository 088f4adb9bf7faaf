/** The agents that ship with Sluice, built from the settings. */
import { join } from "node:path";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { approvals } from "../agents/approvals.ts";
import { assistant } from "../agents/assistant.ts";
import { loadDocuments } from "../agents/documents.ts";
import { DemoChatModel } from "../agents/models/demo.ts";
import { openaiModel } from "../agents/models/openai.ts";
import type { Config } from "../config/config.ts";
import type { Settings } from "../config/settings.ts";
import type { ServedGraph } from "../graph/source.ts";

/** Which model answers for the bundled agents. */
export function modelKind({ MODEL, OPENAI_API_KEY, OPENAI_BASE_URL }: Settings): "openai" | "demo" {
  if (MODEL !== "auto") return MODEL;
  return OPENAI_API_KEY || OPENAI_BASE_URL ? "openai" : "demo";
}

function chatModel(config: Config): BaseChatModel {
  if (modelKind(config) === "openai") {
    return openaiModel({ apiKey: config.OPENAI_API_KEY, baseUrl: config.OPENAI_BASE_URL, model: config.OPENAI_MODEL });
  }
  return new DemoChatModel({
    firstTokenMs: config.DEMO_FIRST_TOKEN_MS,
    tokensPerSecond: config.DEMO_TOKENS_PER_SECOND,
    jitter: config.DEMO_JITTER,
  });
}

export async function bundledGraphs(
  config: Config,
  checkpointer: BaseCheckpointSaver,
  packageRoot: string,
): Promise<Record<string, ServedGraph>> {
  const model = chatModel(config);
  const documents = await loadDocuments(packageRoot);
  return {
    assistant: assistant({ model, checkpointer, documents }) as ServedGraph,
    approvals: approvals({ model, checkpointer, notesDir: join(config.DATA_DIR, "notes") }) as ServedGraph,
  };
}
