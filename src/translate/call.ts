/** One tool call. */

export interface NewCall {
  /** The id that clients are to know it by, if that is free. */
  readonly wanted: string;
  /** The id that the model gave it. */
  readonly given: string | undefined;
  readonly name: string;
  /** The execution of a node that made it. */
  readonly place: string;
  /** The message that holds it; `undefined`: a tool's run was the first to show it. */
  readonly parent?: string | undefined;
  /** The arguments as JSON text, if all of them have come. */
  readonly args?: string | undefined;
  /** Clients get neither the call nor its result. */
  readonly hidden?: boolean;
}

export interface Call extends Omit<NewCall, "wanted"> {
  /** The id that clients know it by. */
  readonly id: string;
  /** When it was made: `history` before the turn, `turn` in this turn by an earlier run, `run` in this run. */
  readonly made: "history" | "turn" | "run";
  parent: string | undefined;
  args: string | undefined;
  answered: boolean;
  /** Does the graph's state have it? `undefined`: its node has not ended. */
  held: boolean | undefined;
  /** The message around it never came to its end. */
  cut: boolean;
  /** Taken back. */
  gone: boolean;
  /** The tool's run that carries it out. */
  claim: { readonly place: string; readonly admitted: boolean } | undefined;
}

/** Did this run make it, and has nobody carried it out or answered it? */
export function isUnanswered({ made, parent, claim, answered, gone, hidden }: Call): boolean {
  return !hidden && made === "run" && parent !== undefined && !claim && !answered && !gone;
}

/** Nobody waited for the rest of it. */
export function isLost({ cut, held }: Call): boolean {
  return cut && held !== true;
}

export function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : (JSON.parse(json) as unknown);
  } catch {
    return undefined;
  }
}
