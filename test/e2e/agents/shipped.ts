/** The bundled agents, served as in config/agents.json, with a test's models. */
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { loadFolder } from "../../../src/agents/documents.ts";
import { DemoChatModel } from "../../../src/agents/models/demo.ts";
import { openaiModel } from "../../../src/agents/models/openai.ts";
import type { Models } from "../../../src/agents/node-model.ts";
import { portfolio } from "../../../src/agents/portfolio.ts";
import { researcher } from "../../../src/agents/researcher.ts";
import { type AgentEntry, parseAgents } from "../../../src/config/agents.ts";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { ofType } from "../translation/turns.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const { agents } = parseAgents("agents.json", readFileSync(`${root}/config/agents.json`, "utf8"));

/** The demo model without delays. It yields to the event loop between two tokens, as a slow model does. */
export const DEMO: Models = { model: new DemoChatModel({ tokensPerSecond: 1000, sleep: () => setImmediate() }) };

/** Models at an endpoint that speaks OpenAI's protocol. */
export function modelsAt(baseUrl: string): Models {
  const named = (model: string) => openaiModel({ baseUrl, model });
  return { model: named("gpt-test"), named };
}

/** `entry` overrides fields of the bundled entry. */
export async function serveResearcher(
  models: Models,
  env: Record<string, string> = {},
  documents?: Parameters<typeof researcher>[0]["documents"],
): Promise<TestSluice> {
  const knowledge = documents ?? (await loadFolder(`${root}/knowledge`));
  const graph = researcher({ ...models, checkpointer: memory(), documents: knowledge });
  return startSluice({ researcher: { graph, entry: entryOf("researcher") } }, env);
}

export async function servePortfolio(models: Models, entry: Partial<AgentEntry> = {}): Promise<TestSluice> {
  const graph = portfolio({ ...models, checkpointer: memory() });
  const shipped = entryOf("portfolio");
  const nodes = { ...shipped.nodes, ...entry.nodes };
  return startSluice({ portfolio: { graph, entry: { ...shipped, ...entry, nodes } } });
}

export function entryOf(name: string): AgentEntry {
  const entry = agents[name];
  if (!entry) throw new Error(`config/agents.json has no agent "${name}".`);
  return entry;
}

/** The values of a run's custom events of one name. */
export function custom<Value>(events: readonly AguiEvent[], name: string): Value[] {
  return ofType(events, EventType.CUSTOM).flatMap((event) => (event.name === name ? [event.value as Value] : []));
}

/** The exposed state as it was when the run ended. */
export function lastState(events: readonly AguiEvent[]): Record<string, unknown> {
  return (ofType(events, EventType.STATE_SNAPSHOT).at(-1)?.snapshot ?? {}) as Record<string, unknown>;
}

export function reasoningOf(events: readonly AguiEvent[]): string {
  return ofType(events, EventType.REASONING_MESSAGE_CONTENT)
    .map(({ delta }) => delta)
    .join("");
}
