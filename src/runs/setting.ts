/**
 * The surroundings of a run beside its input: its principal, and the values that its graph finds in `runtime.context`.
 */
import { z } from "zod";
import type { ServedAgent } from "../graph/registry.ts";
import { clientContext } from "../protocol/input.ts";
import type { ItemStores } from "../store/items.ts";
import type { Requester, StartRequest, User } from "./handle.ts";

/** Plain JSON: the run's row keeps it, for a process that takes the run over. */
export interface Setting {
  readonly context: Readonly<Record<string, unknown>>;
  readonly principal?: string | undefined;
  readonly user?: User | undefined;
}

/** Gives the app's own context for a requester to the graph. */
export type ContextOf = (requester: Requester) => unknown;

/** The sources of settings. */
export interface Surroundings {
  /** LangGraph's `store`, for graphs without one of their own. */
  readonly items: ItemStores;
  readonly contextOf: ContextOf;
}

const plainContext = z.record(z.string(), z.json());

/**
 * Merges the agent's context, the keys of the client's context that the agent admits, and the app's context. The app's
 * values win, so no client can pass for another.
 * @throws SluiceError `bad_request` when the client's context is no object. Error when the app's context is not plain
 * JSON.
 */
export async function settingOf(
  agent: ServedAgent,
  { input, requester = {}, steering = {} }: StartRequest,
  contextOf: ContextOf,
): Promise<Setting> {
  const sent = clientContext(input);
  const admitted = agent.clientContext
    .filter((key) => Object.hasOwn(sent, key))
    .map((key) => [key, sent[key]] as const);
  const said = plainContext.safeParse((await contextOf(requester)) ?? {});
  if (!said.success) throw new Error("createSluice, context: the function has to return an object of plain JSON.");
  const context = { ...agent.context, ...Object.fromEntries(admitted), ...steering.context, ...said.data };
  const { principal, user } = requester;
  return { context, ...(principal === undefined ? {} : { principal }), ...(user ? { user } : {}) };
}
