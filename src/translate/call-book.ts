/**
 * The tool calls of a thread, each under its own id. Models repeat ids: in later turns, in parallel branches, twice in
 * one answer. Clients know a call by its id alone, so a call whose id is taken is sent under another one.
 */
import { isDeepStrictEqual } from "node:util";
import type { Message } from "../protocol/events.ts";
import { isInside } from "../protocol/graph-event.ts";
import type { CallIds } from "../protocol/ids.ts";
import { type Call, isLost, isUnanswered, type NewCall, parsed } from "./call.ts";

/** A tool's run that looks for its call. */
export interface ToolRun {
  readonly runId: string;
  readonly given: string | undefined;
  readonly name: string;
  readonly place: string;
  /** Its arguments; `undefined` if the run was refused: then they are not read. */
  readonly args: (() => unknown) | undefined;
}

/** The facts by which a call is looked for. */
interface Sought {
  readonly given: string | undefined;
  readonly name: string | undefined;
  readonly place: string;
  readonly args?: (() => unknown) | undefined;
}

export class CallBook {
  /** In the order they were made. */
  readonly #calls = new Map<string, Call>();
  /**
   * The ids that models gave, by the ids that clients know. Only for calls where the two differ, or that no message
   * holds.
   */
  readonly #ids: Map<string, string>;
  readonly #byRun = new Map<string, Call>();
  /** Tools' runs that were refused. No node may report their results either. */
  readonly #refused: { readonly given: string; readonly place: string }[] = [];

  /**
   * `history` is the thread's. Its messages from `ownFrom` on belong to this turn. `earlier`: the turn's calls as
   * another process knew them.
   */
  constructor(history: readonly Message[], ownFrom: number, ids: CallIds, earlier: readonly Call[] = []) {
    this.#ids = new Map(Object.entries(ids));
    this.add(history.slice(0, ownFrom), "history");
    this.add(history.slice(ownFrom), "turn");
    for (const call of earlier) this.#calls.set(call.id, { ...call });
  }

  /** The calls of this turn, those included that clients are not to see. */
  get turn(): readonly Call[] {
    return [...this.#calls.values()].filter(({ made }) => made !== "history");
  }

  /** The calls in messages that clients have. */
  add(messages: readonly Message[], made: Call["made"]): void {
    for (const message of messages) {
      if (message.role !== "assistant") continue;
      for (const { id, function: called } of message.toolCalls ?? []) {
        this.#calls.set(id, {
          id,
          given: this.#ids.get(id) ?? id,
          name: called.name,
          place: "",
          made,
          parent: message.id,
          args: called.arguments || "{}",
          answered: false,
          held: true,
          cut: false,
          gone: false,
          claim: undefined,
        });
      }
    }
  }

  /** Enters a call. No other call of this thread has or has had its id. */
  enter({ wanted, given, name, place, parent, args, hidden = false }: NewCall): Call {
    const id = this.free(wanted);
    if (given !== undefined && given !== id) this.#ids.set(id, given);
    const state = { answered: false, held: undefined, cut: false, gone: false, claim: undefined };
    const call: Call = { id, given, name, place, parent, args, hidden, made: "run", ...state };
    this.#calls.set(id, call);
    return call;
  }

  /** The id that a call would get. `also`: more ids that are taken. */
  free(wanted: string, also: ReadonlySet<string> = new Set()): string {
    const isTaken = (id: string) => this.#calls.has(id) || this.#ids.has(id) || also.has(id);
    let id = wanted;
    // Providers take letters, digits, `_` and `-` in an id, and nothing else.
    for (let n = 2; isTaken(id); n += 1) id = `${wanted}-${n}`;
    return id;
  }

  /** The message without the calls that clients are not to see. */
  shown<M extends Message>(message: M): M {
    if (message.role !== "assistant" || !message.toolCalls?.some(({ id }) => this.#calls.get(id)?.hidden))
      return message;
    return { ...message, toolCalls: message.toolCalls.filter(({ id }) => !this.#calls.get(id)?.hidden) };
  }

  get(id: string): Call | undefined {
    return this.#calls.get(id);
  }

  complete(id: string, args: string): void {
    const call = this.#calls.get(id);
    if (call) call.args = args === "" ? "{}" : args;
  }

  answer(id: string): void {
    const call = this.#calls.get(id);
    if (call) call.answered = true;
  }

  /** Withdraws a call that no message holds any more. Its id stays taken. */
  withdraw(id: string): void {
    const call = this.#calls.get(id);
    if (call) call.gone = true;
  }

  /** Notes that the message around a call ended before the model's answer did. */
  cutOff(id: string): void {
    const call = this.#calls.get(id);
    if (call) call.cut = true;
  }

  /** The models' ids of calls that clients know by other ids, including those that the thread had before. */
  get ids(): CallIds {
    return Object.fromEntries(this.#ids);
  }

  /** Calls to these tools that this run made and the graph neither carried out nor answered. */
  pending(tools: ReadonlySet<string>): Call[] {
    return [...this.#calls.values()].filter((call) => isUnanswered(call) && tools.has(call.name) && !isLost(call));
  }

  /** Notes that a node ended. The graph's state is taken to hold none of the node's calls, until `hold` names them. */
  letGo(place: string): void {
    for (const call of this.#calls.values()) if (call.made === "run" && isInside(call.place, place)) call.held = false;
  }

  /** Calls of this run that nobody will answer: no tool carried them out, and the graph's state does not hold them. */
  unheld(tools: ReadonlySet<string>): Call[] {
    return [...this.#calls.values()].filter(
      (call) => isUnanswered(call) && (isLost(call) || (call.held === false && !tools.has(call.name))),
    );
  }

  /** The call that this run of a tool carries out, if that was settled. */
  ofRun(runId: string): Call | undefined {
    return this.#byRun.get(runId);
  }

  settle(runId: string, call: Call, claim: NonNullable<Call["claim"]>): Call {
    this.#byRun.set(runId, call);
    if (!call.claim?.admitted) call.claim = claim;
    return call;
  }

  /** Finds the call that a tool's run carries out, and reserves it for this run. */
  claim(run: ToolRun): Call | undefined {
    const { runId, given, place, args } = run;
    const admitted = args !== undefined;
    const fits = (call: Call) => {
      if (given === undefined) return !call.claim?.admitted && !call.answered && isLike(call, run);
      if (call.given !== given || (!admitted && call.name !== run.name)) return false;
      if (call.claim?.admitted) return isAgain(call, run);
      return !call.answered || call.made !== "history";
    };
    const found = this.#best(fits, run);
    return found && this.settle(runId, found, { place, admitted });
  }

  /** The call that a node's message answers. If several calls have this id, the likeliest one is chosen. */
  toAnswer(given: string, name: string | undefined, place: string): Call | undefined {
    if (this.#refused.some((refused) => refused.given === given && isInside(refused.place, place))) return undefined;
    const found = this.#best((call) => call.given === given, { given, name, place });
    if (!found?.answered) return found;
    // A model's answer may hold the same id twice.
    return [...this.#calls.values()].find(
      (call) => call.parent === found.parent && call.given === given && !call.answered && !call.gone,
    );
  }

  /** A tool's run was refused, and its result with it. */
  refuse(given: string, place: string): void {
    this.#refused.push({ given, place });
  }

  /** The call that a question belongs to, among the calls that a model gave this id. */
  asked(given: string): Call | undefined {
    const made = [...this.#calls.values()].filter((call) => call.given === given && !call.gone);
    return made.findLast(({ answered }) => !answered) ?? made.at(-1);
  }

  /** A call of this run, like this one and made inside `place`. `orphan`: one that no message holds yet. */
  known(like: Pick<Call, "given" | "name" | "args">, place: string, orphan = false): Call | undefined {
    const value = parsed(like.args);
    return this.#alike(like, place).find(
      (call) => (!orphan || call.parent === undefined) && isDeepStrictEqual(parsed(call.args), value),
    );
  }

  /**
   * Notes that the graph's state has a call. A node may stop reading its model with the last piece of the answer, whose
   * end is not reported then.
   */
  hold(like: Pick<Call, "given" | "name" | "args">, place: string): void {
    const call = this.known(like, place) ?? this.#alike(like, place).find(({ args }) => args === undefined);
    if (call) call.held = true;
  }

  #alike({ given, name }: Pick<Call, "given" | "name">, place: string): Call[] {
    return [...this.#calls.values()].filter(
      (call) =>
        call.made === "run" && !call.gone && call.given === given && call.name === name && isInside(call.place, place),
    );
  }

  /** The likeliest of the calls that fit. */
  #best(fits: (call: Call) => boolean, sought: Sought): Call | undefined {
    const found = [...this.#calls.values()].filter((call) => !call.gone && fits(call));
    if (found.length < 2) return found[0];
    const parents = [...new Set([...this.#calls.values()].map(({ parent, id }) => parent ?? id))];
    const rank = (call: Call): readonly number[] => [
      call.name === sought.name ? 1 : 0,
      ["history", "turn", "run"].indexOf(call.made),
      shared(call.place, sought.place),
      sameArgs(call, sought) ? 1 : 0,
      call.claim ? 0 : 1,
      // An id refers to the last answer that has it, and to the first such call in that answer. Calls without an id are
      // run in their order.
      parents.indexOf(call.parent ?? call.id) * (sought.given === undefined ? -1 : 1),
    ];
    return found.map((call) => ({ call, rank: rank(call) })).reduce((a, b) => (isHigher(b.rank, a.rank) ? b : a)).call;
  }
}

/** A tool that a node runs with bare arguments has no call id, so name and arguments are compared. */
function isLike(call: Call, run: ToolRun): boolean {
  return call.name === run.name && sameArgs(call, run) !== false;
}

/** Does this run repeat a call that another run has carried out in the same execution of a node? */
function isAgain(call: Call, run: ToolRun): boolean {
  return call.answered && call.claim?.place === run.place && isLike(call, run);
}

/** `undefined`: the arguments are not known. */
function sameArgs(call: Pick<Call, "args">, { args }: Pick<Sought, "args">): boolean | undefined {
  if (args === undefined || call.args === undefined) return undefined;
  return isDeepStrictEqual(parsed(call.args), args());
}

/** The number of executions, from the outermost on, that lead to both places. */
function shared(a: string, b: string): number {
  const others = b.split("|");
  const segments = a.split("|");
  const parts = segments.findIndex((segment, index) => segment !== others[index]);
  return parts < 0 ? segments.length : parts;
}

function isHigher(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0);
}
