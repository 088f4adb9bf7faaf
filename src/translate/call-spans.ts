/** The tool calls a model makes in one message, put together from their pieces. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import type { ToolCallPiece } from "./content.ts";
import { WholeCharacters } from "./whole-characters.ts";

/** The place where the calls of messages are entered. */
export interface CallEntries {
  /** A call begins, with the arguments so far. `isNew` is `false` for a call that clients have seen already. */
  begin(call: {
    /** The id that clients are to know it by, if that is free. */
    readonly wanted: string;
    /** The id that the model gave it. */
    readonly given: string | undefined;
    readonly name: string;
    readonly args: string;
  }): {
    readonly id: string;
    readonly isNew: boolean;
    /** Events that come before it. */
    readonly before?: readonly AguiEvent[];
  };
  /** All arguments of the call have come. */
  complete(id: string, args: string): void;
}

/** A call that was sent. */
export interface SentCall {
  /** The id that clients know it by. */
  readonly id: string;
  /** The id that the model gave it. */
  readonly given: string | undefined;
  readonly name: string;
  readonly args: string;
}

interface Call {
  /** Known for certain once `started`. */
  id: string;
  /** The id as the model gave it. */
  given: string | undefined;
  name: string;
  readonly characters: WholeCharacters;
  /** Arguments that came before id and name were known. */
  waiting: string;
  started: boolean;
  /** Clients have seen the whole call already, or must not see it. */
  seen: boolean;
  /** All its arguments so far. */
  args: string;
}

/** Calls are distinguished by their index, may interleave, and stay open until `close`. */
export class CallSpans {
  readonly #messageId: string;
  readonly #entries: CallEntries;
  readonly #calls = new Map<number, Call>();
  /** The calls that were sent, in the order they began. */
  readonly sent: SentCall[] = [];

  constructor(messageId: string, entries: CallEntries) {
    this.#messageId = messageId;
    this.#entries = entries;
  }

  push(piece: ToolCallPiece): AguiEvent[] {
    const { call, closed } = this.#callOf(piece);
    const args = call.characters.push(piece.args);
    call.args += args;
    if (call.started) return call.seen ? closed : [...closed, ...argsEvents(call.id, args)];
    call.given ??= piece.id;
    call.id ||= piece.id ?? "";
    // A name may be split over chunks; some providers instead repeat the whole name in each.
    if (piece.name && piece.name !== call.name) call.name += piece.name;
    call.waiting += args;
    // The name is known to be complete only when the first argument comes.
    return call.id && call.name && call.waiting ? [...closed, ...this.#start(call)] : closed;
  }

  /** Closes all calls. A call whose id never came gets one. A call whose name never came is not sent. */
  close(): AguiEvent[] {
    const events = [...this.#calls].flatMap(([index, call]) => {
      call.id ||= `${this.#messageId}-call-${index}`;
      return [...(call.started || call.name === "" ? [] : this.#start(call)), ...this.#end(call)];
    });
    this.#calls.clear();
    return events;
  }

  /** Some providers number every call 0: another id at the same index is another call, and ends the one before. */
  #callOf({ index, id }: ToolCallPiece): { call: Call; closed: AguiEvent[] } {
    const known = this.#calls.get(index);
    const another = known?.started && id !== undefined && id !== known.given;
    if (known && !another) return { call: known, closed: [] };
    const call: Call = {
      id: "",
      given: undefined,
      name: "",
      characters: new WholeCharacters(),
      waiting: "",
      started: false,
      seen: false,
      args: "",
    };
    // Deleted first, so that calls close in the order they began.
    this.#calls.delete(index);
    this.#calls.set(index, call);
    return { call, closed: known ? this.#end(known) : [] };
  }

  #start(call: Call): AguiEvent[] {
    const { id: wanted, given, name, args } = call;
    const { id, isNew, before = [] } = this.#entries.begin({ wanted, given, name, args });
    Object.assign(call, { id, started: true, seen: !isNew });
    this.sent.push(call);
    if (call.seen) return [];
    const { id: toolCallId, name: toolCallName, waiting } = call;
    call.waiting = "";
    return [
      ...before,
      { type: EventType.TOOL_CALL_START, toolCallId, toolCallName, parentMessageId: this.#messageId },
      ...argsEvents(toolCallId, waiting),
    ];
  }

  #end(call: Call): AguiEvent[] {
    if (!call.started || call.seen) return [];
    const rest = call.characters.end();
    this.#entries.complete(call.id, call.args + rest);
    return [...argsEvents(call.id, rest), { type: EventType.TOOL_CALL_END, toolCallId: call.id }];
  }
}

function argsEvents(toolCallId: string, delta: string): AguiEvent[] {
  return delta === "" ? [] : [{ type: EventType.TOOL_CALL_ARGS, toolCallId, delta }];
}
