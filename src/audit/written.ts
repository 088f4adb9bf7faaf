/** Keeps the entries of the server's event log, to find the line of the allow-list that let a value through. */
import type { EventLog, NewEntry } from "../log/log.ts";
import { expandEventPattern } from "../protocol/allow-list-spec.ts";
import { EventType } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import { readable } from "./reading.ts";

export class Written {
  /** The entries' JSON, in groups that the same line lets through: by run, span or type, and origin. */
  readonly #groups = new Map<string, { readonly first: NewEntry; readonly frames: string[] }>();
  /** The groups' readable texts, made when all entries are written. */
  #read: readonly { readonly first: NewEntry; readonly texts: readonly string[] }[] | undefined;

  constructor(log: EventLog) {
    const append = log.append.bind(log);
    log.append = (topic, fence, entries) => {
      for (const entry of entries) this.#note(entry);
      return append(topic, fence, entries);
    };
  }

  #note(entry: NewEntry): void {
    const { runId, span, type, provenance } = entry;
    const key = [runId, span ?? type, provenance?.events.join()].join("\0");
    const group = this.#groups.get(key) ?? { first: entry, frames: [] };
    this.#groups.set(key, group);
    group.frames.push(entry.json);
  }

  /** The lines that let any of the texts through. */
  linesOf(isIn: (readable: readonly string[]) => boolean, allowed: Allowed): string[] {
    this.#read ??= [...this.#groups.values()].map(({ first, frames }) => ({ first, texts: readable(frames) }));
    const found = this.#read.filter(({ texts }) => isIn(texts));
    return [...new Set(found.flatMap(({ first }) => lines(first, allowed)))];
  }
}

/** The patterns and fields that an operator has allowed. */
export interface Allowed {
  /** `STREAM_ALLOWED_EVENTS`. */
  readonly patterns: readonly string[];
  readonly graphFields: Readonly<Partial<Record<string, readonly string[]>>>;
}

function lines({ type, provenance, json }: NewEntry, { patterns, graphFields }: Allowed): string[] {
  if (type === EventType.STATE_SNAPSHOT || type === EventType.STATE_DELTA) return ["state"];
  if (type === EventType.RUN_ERROR) return ["an error's message, which leaves by itself"];
  if (type === EventType.RUN_FINISHED) return ["a question of the graph (interrupt), which leaves by itself"];
  const origins: readonly string[] = type === "GRAPH" ? [graphEvent(json)] : (provenance?.events ?? []);
  const fields = origins.filter((name) => type === "GRAPH" && Object.hasOwn(graphFields, name));
  if (fields.length > 0) return fields.map((name) => `graphFields.${name}`);
  const admitting = patterns.filter((pattern) => expandEventPattern(pattern).some((name) => origins.includes(name)));
  return admitting.map((pattern) => `STREAM_ALLOWED_EVENTS: ${pattern}`);
}

function graphEvent(json: string): string {
  const value: unknown = JSON.parse(json);
  return isRecord(value) && typeof value.event === "string" ? value.event : "";
}
