/** Values that must not leave: planted words that occur nowhere else, and texts that were seen inside the graph. */
import { randomBytes } from "node:crypto";

export const KINDS = [
  "prompt",
  "state",
  "node",
  "environment",
  "configuration",
  "tool-arguments",
  "tool-results",
  "error",
  "error-details",
] as const;

export type Kind = (typeof KINDS)[number];

export interface Canary {
  readonly kind: Kind;
  /** The node, state key, variable or tool it belongs to; empty where there is only one. */
  readonly name: string;
  /** Texts that show that the canary reached a client. */
  readonly texts: readonly string[];
  /** The server's own log may have it. */
  readonly logMay?: boolean;
}

/** A word that occurs nowhere else and needs no escaping in JSON or a URL. */
export function token(kind: string): string {
  return `CANARY${kind.replace(/[^a-z]/gi, "").toUpperCase()}${randomBytes(9).toString("hex")}`;
}

/** As policies and reports write it: `state:plan`. */
export function labelOf({ kind, name }: Pick<Canary, "kind" | "name">): string {
  return name === "" ? kind : `${kind}:${name}`;
}

/** Does the policy let it leave? `state` covers all keys, `state:plan` the one. */
export function mayLeave({ kind, name }: Pick<Canary, "kind" | "name">, policy: readonly string[]): boolean {
  return policy.includes(kind) || policy.includes(`${kind}:${name}`);
}

/** Shorter texts occur in many places by chance. */
const SHORTEST = 12;
const WINDOW = 40;
const MOST_PIECES = 200;

/** Pieces of a text, each of which shows that some of it left. */
export function pieces(text: string): string[] {
  const lines = text.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
  return lines
    .filter((line) => line.length >= SHORTEST)
    .flatMap((line) => (line.length <= WINDOW * 1.5 ? [line] : windows(line)))
    .slice(0, MOST_PIECES);
}

function windows(line: string): string[] {
  const starts = Math.floor((line.length - WINDOW) / (WINDOW / 2)) + 1;
  return Array.from({ length: starts }, (_, index) => line.slice((index * WINDOW) / 2, (index * WINDOW) / 2 + WINDOW));
}

/** All texts in a value, each with the key of its field. A value that leads back to itself is read once. */
export function textsOf(value: unknown, seen = new Set<object>()): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null || seen.has(value) || seen.size > 20_000) return [];
  seen.add(value);
  return Object.values(value).flatMap((inner) => textsOf(inner, seen));
}
