/** Reports the exposed keys of a graph's state: first a snapshot, then changes, and at the end a snapshot. */
import jsonPatch, { type Operation } from "fast-json-patch";
import { type AguiEvent, EventType } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { type JsonValue, toJsonValue } from "../protocol/json.ts";
import type { Call } from "./call.ts";

type Values = Readonly<Record<string, unknown>>;

/** A call whose arguments become values of the state. */
export type PredictedCall = Pick<Call, "id" | "answered" | "claim">;

/** Keeps older values of a key back. */
interface Hold {
  /** The node whose update ends it. Without a name: the update of any node. */
  readonly node: string;
  /** A hold for a call ends later if that update does not have the key: with one that has it, or with the call's end. */
  readonly call?: PredictedCall | undefined;
}

/** The part of a state that clients have, in plain JSON. */
export interface SentState {
  /** Absent before anything was sent. */
  readonly sent?: JsonValue | undefined;
  /** The keys that are ahead of the graph's state: the node, and the id of the call. */
  readonly ahead: Readonly<Record<string, { readonly node: string; readonly call?: string | undefined }>>;
  /** The keys that clients fill in by themselves. */
  readonly predicted: readonly string[];
}

const NOTHING: SentState = { ahead: {}, predicted: [] };

export class ExposedState {
  readonly #maxBytes: number | undefined;
  #sent: JsonValue | undefined;
  /** The exposed keys as the graph's state had them last. */
  #values: JsonValue | undefined;
  /** Keys whose values in the state are older than what clients hold. */
  readonly #ahead: Map<string, Hold>;
  /** Keys that clients fill in by themselves, from the arguments of a call. */
  readonly #predicted: Set<string>;

  /**
   * `maxBytes`: larger states are cut. Default: 256 KiB. `before`: what clients have from the process before, with its
   * calls.
   */
  constructor(
    maxBytes?: number,
    { sent, ahead, predicted }: SentState = NOTHING,
    callOf: (id: string) => PredictedCall | undefined = () => undefined,
  ) {
    this.#maxBytes = maxBytes;
    this.#sent = sent;
    const holds = Object.entries(ahead).map(
      ([key, { node, call }]) => [key, { node, call: callOf(call ?? "") }] as const,
    );
    this.#ahead = new Map(holds);
    this.#predicted = new Set(predicted);
  }

  get soFar(): SentState {
    const ahead = [...this.#ahead].map(([key, { node, call }]) => [key, { node, call: call?.id }]);
    return { sent: this.#sent, ahead: Object.fromEntries(ahead), predicted: [...this.#predicted] };
  }

  /** `values`: the exposed keys as they are now. */
  push(values: Values): AguiEvent[] {
    const now = this.#json(values);
    this.#values = now;
    const predicting = [...this.#predicted].some((key) => this.#ahead.has(key));
    const back = new Set([...this.#ahead.keys(), ...(predicting ? this.#predicted : [])]);
    if (back.size === 0) return this.#send(now);
    const kept = Object.entries(record(this.#sent)).filter(([key]) => back.has(key));
    const others = Object.entries(record(now)).filter(([key]) => !back.has(key));
    const next = this.#json(Object.fromEntries([...kept, ...others]));
    return predicting ? this.#sendOthers(next) : this.#send(next);
  }

  /**
   * Sends new values of `exposed` keys that the graph announces early. Other keys stay as they were sent. The state has
   * the new values only after the update of the node at `place`.
   */
  merge(values: Values, exposed: readonly string[], place: string): AguiEvent[] {
    const said = exposed.filter((key) => key in values);
    if (said.length === 0) return [];
    for (const key of said) this.#ahead.set(key, { node: nodeOf(place) });
    const emitted = Object.fromEntries(said.map((key) => [key, values[key]]));
    const now = this.#json({ ...record(this.#sent), ...emitted });
    const predicting = [...this.#predicted].some((key) => this.#ahead.has(key) && !said.includes(key));
    return predicting ? this.#sendOthers(now, said) : this.#send(now);
  }

  /** Clients fill these keys in from the arguments of this call, which the node at `place` makes. */
  predict(keys: readonly string[], place: string, call: PredictedCall): void {
    for (const key of keys) {
      this.#ahead.set(key, { node: nodeOf(place), call });
      this.#predicted.add(key);
    }
  }

  /**
   * Notes the updates of nodes. The next state includes them. A node's own end would be too early, since an older state
   * may follow it. Returns no events.
   */
  updated(event: GraphEvent): AguiEvent[] {
    if (this.#ahead.size === 0) return [];
    const { data } = event;
    const chunk = isRecord(data) && isRecord(data.chunk) ? data.chunk : {};
    for (const [key, { node, call }] of this.#ahead) {
      if (node !== "" && !Object.hasOwn(chunk, node)) continue;
      // The node has only made the call: the value comes when the call is carried out, and other nodes may run before.
      if (call && !isOver(call, chunk) && !Object.values(chunk).some((update) => brings(update, key))) {
        this.#ahead.set(key, { node: "", call });
      } else this.#ahead.delete(key);
    }
    return [];
  }

  /** The state as the graph left it; nothing when none was ever known. */
  finish(): AguiEvent[] {
    const last = this.#values ?? this.#sent;
    return last === undefined ? [] : [snapshot(last)];
  }

  #json(values: Values): JsonValue {
    return toJsonValue(values, this.#maxBytes === undefined ? {} : { maxBytes: this.#maxBytes });
  }

  /**
   * A snapshot would overwrite what clients build from the call's arguments. What no patch can say is sent later. Clients
   * may have other values of the keys in `whole`, so these are set as a whole. The first values are sent as a snapshot,
   * because no client holds a state yet that a patch could change.
   */
  #sendOthers(now: JsonValue, whole: readonly string[] = []): AguiEvent[] {
    if (this.#sent === undefined) return Object.keys(record(now)).length > 0 ? this.#send(now) : [];
    const delta = patch(without(this.#sent, whole), without(now, whole), only(now, whole));
    if (!delta?.length) return [];
    this.#sent = now;
    return [{ type: EventType.STATE_DELTA, delta }];
  }

  #send(now: JsonValue): AguiEvent[] {
    const before = this.#sent;
    this.#sent = now;
    // Clients may have changed their state themselves, so a patch may not fit.
    const unsure = this.#predicted.size > 0;
    for (const key of this.#predicted) if (!this.#ahead.has(key)) this.#predicted.delete(key);
    if (before === undefined || unsure) return [snapshot(now)];
    const delta = patch(record(before), record(now));
    if (delta?.length === 0) return [];
    // If most of the state changed, the whole state is shorter than a patch.
    const shorter = delta !== undefined && JSON.stringify(delta).length < JSON.stringify(now).length;
    return [shorter ? { type: EventType.STATE_DELTA, delta } : snapshot(now)];
  }
}

type StateDelta = Extract<AguiEvent, { type: EventType.STATE_DELTA }>["delta"];

/**
 * The changes, and `set` on top of them. `undefined`: a patch cannot name one of the keys. The library that clients apply
 * it with refuses, for good reason.
 */
function patch(before: Values, now: Values, set: Values = {}): StateDelta | undefined {
  const setting = Object.entries(set).map(
    ([key, value]): Operation => ({ op: "add", path: `/${jsonPatch.escapePathComponent(key)}`, value }),
  );
  const delta = [...jsonPatch.compare(before, now), ...setting];
  return delta.some(({ path }) => /__proto__|prototype/.test(path)) ? undefined : (delta as StateDelta);
}

/** The node of the served graph that a place is in. A value that was written without a place belongs to the step that runs. */
function nodeOf(place: string): string {
  return place.split(":", 1)[0] ?? "";
}

/** Is this update the one with the call's result? */
function isOver({ answered, claim }: PredictedCall, chunk: Values): boolean {
  return answered && (claim === undefined || Object.hasOwn(chunk, nodeOf(claim.place)));
}

/** Does a node's update, or one of several, have this key? */
function brings(update: unknown, key: string): boolean {
  return [update].flat().some((one) => isRecord(one) && Object.hasOwn(one, key));
}

function only(value: JsonValue, keys: readonly string[]): Values {
  return Object.fromEntries(Object.entries(record(value)).filter(([key]) => keys.includes(key)));
}

function without(value: JsonValue, keys: readonly string[]): Values {
  return Object.fromEntries(Object.entries(record(value)).filter(([key]) => !keys.includes(key)));
}

function record(value: JsonValue | undefined): Values {
  return isRecord(value) ? value : {};
}

function snapshot(value: JsonValue): AguiEvent {
  return { type: EventType.STATE_SNAPSHOT, snapshot: value };
}
