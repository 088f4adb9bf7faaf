/** The keys of a graph's state that its agent exposes: a snapshot first, then what changed, a snapshot last. */
import jsonPatch, { type Operation } from "fast-json-patch";
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import { type JsonValue, toJsonValue } from "../protocol/json.ts";

export class ExposedState {
  readonly #maxBytes: number | undefined;
  #sent: JsonValue | undefined;

  /** `maxBytes`: larger states are cut. Default: 256 KiB. */
  constructor(maxBytes?: number) {
    this.#maxBytes = maxBytes;
  }

  /** `values`: the exposed keys as they are now. */
  push(values: Readonly<Record<string, unknown>>): AguiEvent[] {
    const now = toJsonValue(values, this.#maxBytes === undefined ? {} : { maxBytes: this.#maxBytes });
    const before = this.#sent;
    this.#sent = now;
    if (before === undefined) return [snapshot(now)];
    const delta: Operation[] = jsonPatch.compare(before as object, now as object);
    if (delta.length === 0) return [];
    // A patch cannot name such a key: the library that clients apply it with refuses, for good reason.
    const safe = !delta.some(({ path }) => /__proto__|prototype/.test(path));
    // A change to most of the state is shorter, and as exact, when the whole state is sent.
    const shorter = JSON.stringify(delta).length < JSON.stringify(now).length;
    return [safe && shorter ? { type: EventType.STATE_DELTA, delta: delta as StateDelta } : snapshot(now)];
  }

  /** Those of the `exposed` keys that the graph says, as they will be; the others stay as they were sent. */
  merge(values: Readonly<Record<string, unknown>>, exposed: readonly string[]): AguiEvent[] {
    const said = exposed.filter((key) => key in values).map((key) => [key, values[key]] as const);
    return said.length === 0
      ? []
      : this.push({ ...(isRecord(this.#sent) ? this.#sent : {}), ...Object.fromEntries(said) });
  }

  /** The state as it was left; nothing when none was ever sent. */
  finish(): AguiEvent[] {
    return this.#sent === undefined ? [] : [snapshot(this.#sent)];
  }
}

type StateDelta = Extract<AguiEvent, { type: EventType.STATE_DELTA }>["delta"];

function snapshot(value: JsonValue): AguiEvent {
  return { type: EventType.STATE_SNAPSHOT, snapshot: value };
}
