/** The agents that ship with Sluice, built from the settings. */
import { join, resolve } from "node:path";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { approvals } from "../agents/approvals.ts";
import { assistant } from "../agents/assistant.ts";
import { loadDocuments, loadFolder, type SourceDocument } from "../agents/documents.ts";
import { DemoChatModel } from "../agents/models/demo.ts";
import { openaiModel } from "../agents/models/openai.ts";
import type { Models } from "../agents/node-model.ts";
import { portfolio } from "../agents/portfolio.ts";
import { researcher } from "../agents/researcher.ts";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Settings } from "../config/settings.ts";
import type { ServedGraph } from "../graph/source.ts";

/** The names that `graph` may be in agents.json, instead of a file. */
export const BUNDLED = ["assistant", "approvals", "researcher", "portfolio"] as const;

/** Which model answers for the bundled agents. */
export function modelKind({ MODEL, OPENAI_API_KEY, OPENAI_BASE_URL }: Settings): "openai" | "demo" {
  if (MODEL !== "auto") return MODEL;
  return OPENAI_API_KEY || OPENAI_BASE_URL ? "openai" : "demo";
}

function chatModels(config: Config): Models {
  if (modelKind(config) === "demo") {
    const model = new DemoChatModel({
      firstTokenMs: config.DEMO_FIRST_TOKEN_MS,
      tokensPerSecond: config.DEMO_TOKENS_PER_SECOND,
      jitter: config.DEMO_JITTER,
    });
    return { model }; // it answers in place of any other
  }
  const named = (model: string) =>
    openaiModel({ apiKey: config.OPENAI_API_KEY, baseUrl: config.OPENAI_BASE_URL, model });
  return { model: named(config.OPENAI_MODEL), named };
}

/**
 * Those of the bundled agents that the configuration serves, by name.
 * @throws ConfigError when the knowledge base cannot be read.
 */
export async function bundledGraphs(
  config: Config,
  checkpointer: BaseCheckpointSaver,
  packageRoot: string,
): Promise<ReadonlyMap<string, ServedGraph>> {
  const models = chatModels(config);
  const build: Record<(typeof BUNDLED)[number], () => Promise<unknown>> = {
    assistant: async () => assistant({ ...models, checkpointer, documents: await loadDocuments(packageRoot) }),
    approvals: async () => approvals({ ...models, checkpointer, notesDir: join(config.DATA_DIR, "notes") }),
    researcher: async () => researcher({ ...models, checkpointer, documents: await knowledge(config, packageRoot) }),
    portfolio: async () => portfolio({ ...models, checkpointer }),
  };
  const served = new Set(Object.values(config.agents).map(({ graph }) => graph));
  const wanted = Object.entries(build).filter(([name]) => served.has(name));
  return new Map(
    await Promise.all(wanted.map(async ([name, graph]) => [name, (await graph()) as ServedGraph] as const)),
  );
}

async function knowledge({ KNOWLEDGE_DIR }: Settings, packageRoot: string): Promise<SourceDocument[]> {
  const folder = resolve(KNOWLEDGE_DIR ?? join(packageRoot, "knowledge"));
  const problem = (what: string) => new ConfigError(`KNOWLEDGE_DIR=${KNOWLEDGE_DIR ?? folder}: ${what}`);
  let documents: SourceDocument[];
  try {
    documents = await loadFolder(folder);
  } catch (error) {
    throw problem(`cannot be read (${(error as NodeJS.ErrnoException).code}). Name a folder of .md and .txt files.`);
  }
  if (documents.length === 0) throw problem("there is no .md or .txt file in it.");
  return documents;
}
