/**
 * The ways in which clients of LangGraph's API may steer a graph beside messages, answers and exposed keys of the
 * state. An agent's `accepts` lists the ways that it allows. By default it allows none.
 */
import type { JsonValue } from "./json.ts";

/** Plain JSON: the run's row keeps it, for a process that takes the run over. */
export interface Steering {
  /** Values for `config.configurable`. */
  readonly configurable?: Readonly<Record<string, JsonValue>>;
  /** Values for `runtime.context`. */
  readonly context?: Readonly<Record<string, JsonValue>>;
  /** Values for the run's metadata. */
  readonly metadata?: Readonly<Record<string, JsonValue>>;
  /** Nodes before and after which the graph pauses, or `*` for each. */
  readonly interruptBefore?: "*" | readonly string[];
  readonly interruptAfter?: "*" | readonly string[];
  /** Values for keys of the state that are not exposed. */
  readonly input?: Readonly<Record<string, JsonValue>>;
  readonly command?: GraphCommand;
}

/** A part of LangGraph's `Command`. */
export interface GraphCommand {
  readonly update?: Readonly<Record<string, JsonValue>>;
  readonly goto?: readonly (string | { readonly node: string; readonly input: JsonValue })[];
}

/** Members that are accepted as a whole. */
const WHOLE = ["context", "metadata", "goto", "update", "interrupt_before", "interrupt_after", "checkpoint"] as const;
const BY_KEY = /^(configurable|input)\.(.+)$/;

/** These names decide who owns a run and where it is stored, so no client may set them. */
const NEVER: ReadonlySet<string> = new Set(["user", "thread_id", "checkpoint_ns", "__proto__"]);

/** Names in `configurable` and `metadata` that Sluice, LangGraph or LangChain read. */
const TAKEN =
  /^(__|checkpoint_|langgraph_|lc_|ls_|emit-|copilotkit:|ag_ui$|models$|sluice$|messages$|predict_state$|run_id$|agent$|user_id$)/;

/** The list of acceptable members, for error messages. */
export const ACCEPTABLE = `${WHOLE.join(", ")}, configurable.KEY, input.KEY`;

/** May an agent accept this? */
export function isAcceptable(member: string): boolean {
  if ((WHOLE as readonly string[]).includes(member)) return true;
  const key = BY_KEY.exec(member)?.[2];
  return key !== undefined && maySet(key);
}

/** May a client set an entry of this name, where the agent accepts it? */
export function maySet(key: string): boolean {
  return !NEVER.has(key) && !TAKEN.test(key);
}

/** The keys of the state that `accepts` names. */
export function acceptedInput(accepts: readonly string[]): string[] {
  return accepts.flatMap((member) => {
    const [, group, key] = BY_KEY.exec(member) ?? [];
    return group === "input" && key !== undefined ? [key] : [];
  });
}
