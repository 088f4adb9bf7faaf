/**
 * Serves a graph whose models follow a script and whose tools are stubs. Uses every door as a client, and reports which
 * canary came out at which door, and the line of the allow-list that let it out.
 */
import { createApp } from "../app/app.ts";
import { servedAgent } from "../app/served-agent.ts";
import type { AgentEntry, AgentsFile } from "../config/agents.ts";
import type { Settings } from "../config/settings.ts";
import { namesOf, pathsOf } from "../graph/names.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { ServedGraph } from "../graph/source.ts";
import { createLogger } from "../ops/logger.ts";
import { EventType } from "../protocol/events.ts";
import { type Canary, labelOf, mayLeave, pieces, textsOf } from "./canary.ts";
import { DOORS, LOG, METRICS_TOKEN } from "./doors.ts";
import { Observed } from "./observed.ts";
import { readable, singleSpaced } from "./reading.ts";
import { type Script, scriptModels } from "./scripted-model.ts";
import { ERROR_CANARIES } from "./staged-error.ts";
import { type Stubs, stubTools } from "./stub-tools.ts";
import { type Allowed, Written } from "./written.ts";

export interface Audited {
  readonly name: string;
  readonly entry: AgentEntry;
  readonly settings: Settings;
  readonly filters: AgentsFile["filters"];
  readonly graph: ServedGraph;
  /** A file from which imports find the graph's copy of LangChain. */
  readonly file: string;
}

export interface AuditOptions {
  readonly message: string;
  /** Call the real models. */
  readonly realModel: boolean;
  readonly realTools: readonly string[];
  /** The values in the environment. */
  readonly environment: readonly Canary[];
  readonly timeoutMs: number;
  /** Runs real tools with access to the network. */
  readonly open?: <T>(run: () => T) => T;
  /** The address that the server of the audit listens on. */
  readonly listening?: (url: string) => void;
}

export interface Leak {
  /** `state:plan`, as a policy writes it. */
  readonly canary: string;
  readonly allowed: boolean;
  readonly doors: readonly string[];
  readonly lines: readonly string[];
}

export interface Audit {
  readonly agent: string;
  readonly leaks: readonly Leak[];
  readonly doors: readonly string[];
  /** The number of canaries that were looked for, by kind. */
  readonly canaries: Readonly<Record<string, number>>;
  /** Nodes that never ran, so nothing is known about them. */
  readonly notReached: readonly string[];
  /** The error of the plain run, if it failed: then little was examined. */
  readonly failure: string | undefined;
}

/** A server that only this process can reach. */
const OWN_SERVER = {
  HOST: "127.0.0.1",
  PORT: 0,
  METRICS_PORT: undefined,
  METRICS_TOKEN,
  LANGGRAPH_API: true,
  AI_SDK_API: true,
};

/** Everything that was sent at a door in one of the passes. */
interface Sent {
  readonly door: string;
  readonly texts: readonly string[];
  readonly frames: readonly string[];
}

export async function audit(audited: Audited, options: AuditOptions): Promise<Audit> {
  const { name, entry, settings, filters } = audited;
  const script: Script = { calls: [], argumentWords: new Map(), failing: false };
  const within = options.open ?? ((run) => run());
  const stubs: Stubs = { words: new Map(), real: options.realTools, failing: false, within };
  const plain = servedAgent(name, entry, { ...settings, filters }, audited.graph);
  const observed = new Observed(plain);
  // The graph topic is written for every run, so that lines are found for it too.
  const agent: ServedAgent = { ...plain, allowList: observed.watch(plain.allowList), graphTopic: true };
  const undoTools = await stubTools(audited.file, stubs);
  const undoModels = options.realModel ? () => {} : await scriptModels(audited.file, script);
  const logged: string[] = [];
  const logger = createLogger("trace", { write: (line) => void logged.push(line) });
  const app = createApp([agent], { ...settings, ...OWN_SERVER }, { logger, version: "audit" });
  const written = new Written(app.log);
  const sent: Sent[] = [];
  try {
    const url = await app.listen();
    options.listening?.(url);
    const pass = async () => {
      const through = Object.entries(DOORS).map(async ([door, open]) => {
        const signal = AbortSignal.timeout(options.timeoutMs);
        const frames = await open({ url, agent: name, message: options.message, signal, logged });
        return { door, frames, texts: readable(frames) };
      });
      sent.push(...(await Promise.all(through)));
    };
    await pass();
    const failure = failureIn(sent);
    stubs.failing = true;
    if (stubs.words.size > 0) await pass();
    stubs.failing = false;
    script.failing = true;
    if (script.calls.length > 0) await pass();
    const shown = [options.message, ...stubs.words.values(), ...script.argumentWords.values()];
    const canaries = [
      ...observed.canaries(script.calls, shown),
      ...wordsOf("tool-arguments", script.argumentWords),
      ...wordsOf("tool-results", stubs.words),
      ...(script.calls.length > 0 || stubs.words.size > 0 ? ERROR_CANARIES : []),
      ...options.environment,
      ...configured(entry),
    ];
    const policy = entry.audit;
    const allowed = { patterns: settings.STREAM_ALLOWED_EVENTS, graphFields: entry.graphFields };
    const leaks = [
      ...canaries.flatMap((canary) => leakOf(canary, sent, written, allowed, policy)),
      ...exposed(agent.stateKeys, sent, policy),
    ];
    return {
      agent: name,
      leaks,
      doors: Object.keys(DOORS),
      canaries: countByKind(canaries),
      notReached: unreached(audited.graph, observed.nodes),
      failure,
    };
  } finally {
    undoModels();
    undoTools();
    await app.close();
  }
}

function leakOf(
  canary: Canary,
  sent: readonly Sent[],
  written: Written,
  allowed: Allowed,
  policy: readonly string[],
): Leak[] {
  const wanted = canary.texts.map(singleSpaced);
  const isIn = (texts: readonly string[]) => texts.some((text) => wanted.some((one) => text.includes(one)));
  const found = sent.filter(({ door, texts }) => !(canary.logMay && door === LOG) && isIn(texts));
  const doors = [...new Set(found.map(({ door }) => door))];
  if (doors.length === 0) return [];
  const lines = written.linesOf(isIn, allowed);
  return [{ canary: labelOf(canary), allowed: mayLeave(canary, policy), doors, lines }];
}

/** Keys of the state that reached clients because the agent exposes them, whatever they hold. */
function exposed(keys: readonly string[], sent: readonly Sent[], policy: readonly string[]): Leak[] {
  return keys.flatMap((key) => {
    const canary = { kind: "state" as const, name: key };
    const shows = (frame: string) =>
      stateIn(frame).some((state) => state.includes(`"${key}":`) || state.includes(`"/${key}`));
    const doors = [...new Set(sent.filter(({ frames }) => frames.some(shows)).map(({ door }) => door))];
    if (doors.length === 0) return [];
    return [{ canary: labelOf(canary), allowed: mayLeave(canary, policy), doors, lines: [`state: ["${key}"]`] }];
  });
}

function stateIn(frame: string): string[] {
  const isState = frame.includes(`"${EventType.STATE_SNAPSHOT}"`) || frame.includes(`"${EventType.STATE_DELTA}"`);
  return isState ? [frame] : [];
}

function wordsOf(kind: "tool-arguments" | "tool-results", words: ReadonlyMap<string, string>): Canary[] {
  return [...words].map(([name, word]) => ({ kind, name, texts: [word] }));
}

/** The part of the agent's entry that is for its graph alone. */
function configured({ configurable, context }: AgentEntry): Canary[] {
  return Object.entries({ ...configurable, ...context }).flatMap(([name, value]): Canary[] => {
    const texts = textsOf(value).flatMap(pieces);
    return texts.length > 0 ? [{ kind: "configuration", name, texts }] : [];
  });
}

function countByKind(canaries: readonly Canary[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of canaries) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function unreached(graph: ServedGraph, reached: ReadonlySet<string>): string[] {
  const names = namesOf(graph);
  return names ? pathsOf(names.nodes).filter((path) => !reached.has(path)) : [];
}

function failureIn(sent: readonly Sent[]): string | undefined {
  for (const { frames } of sent) {
    for (const frame of frames) {
      if (frame.includes(`"type":"${EventType.RUN_ERROR}"`)) return /"message":"((?:[^"\\]|\\.)*)"/.exec(frame)?.[1];
    }
  }
  return undefined;
}
