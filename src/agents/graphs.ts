/** The agents that ship. config/agents.json names these exports; each is made from the settings in the environment. */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../config/config-error.ts";
import { environmentSettings, modelKind, type Settings } from "../config/settings.ts";
import { approvals as approvalsGraph } from "./approvals.ts";
import { assistant as assistantGraph } from "./assistant.ts";
import { loadDocuments, loadFolder, type SourceDocument } from "./documents.ts";
import { DemoChatModel } from "./models/demo.ts";
import type { Models } from "./node-model.ts";
import { portfolio as portfolioGraph } from "./portfolio.ts";
import { researcher as researcherGraph } from "./researcher.ts";

/** Built or not, this file lies two folders below it. */
const PACKAGE_ROOT = fileURLToPath(new URL("../..", import.meta.url));

export async function assistant() {
  return assistantGraph({ ...(await chatModels(environmentSettings())), documents: await loadDocuments(PACKAGE_ROOT) });
}

export async function approvals() {
  const settings = environmentSettings();
  return approvalsGraph({ ...(await chatModels(settings)), notesDir: join(settings.DATA_DIR, "notes") });
}

/** @throws ConfigError when the knowledge base cannot be read. */
export async function researcher() {
  const settings = environmentSettings();
  return researcherGraph({ ...(await chatModels(settings)), documents: await knowledge(settings) });
}

export async function portfolio() {
  return portfolioGraph(await chatModels(environmentSettings()));
}

async function chatModels(settings: Settings): Promise<Models> {
  if (modelKind(settings) === "demo") {
    const model = new DemoChatModel({
      firstTokenMs: settings.DEMO_FIRST_TOKEN_MS,
      tokensPerSecond: settings.DEMO_TOKENS_PER_SECOND,
      jitter: settings.DEMO_JITTER,
    });
    return { model }; // it answers in place of any other
  }
  // The import is here so that the provider's package is loaded only when its model is used.
  const { openaiModel } = await import("./models/openai.ts");
  const named = (model: string) =>
    openaiModel({ apiKey: settings.OPENAI_API_KEY, baseUrl: settings.OPENAI_BASE_URL, model });
  return { model: named(settings.OPENAI_MODEL), named };
}

async function knowledge({ KNOWLEDGE_DIR }: Settings): Promise<SourceDocument[]> {
  const folder = resolve(KNOWLEDGE_DIR ?? join(PACKAGE_ROOT, "knowledge"));
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
