/** Activities that a graph shows. Each is a message of the thread, with an id of its own. */
import jsonPatch from "fast-json-patch";
import type { ActivityMessage } from "../protocol/activity.ts";
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import { type JsonLimits, type JsonValue, toJsonValue } from "../protocol/json.ts";
import { activityAfter } from "../protocol/patched.ts";
import type { TranslatorOptions } from "./translator.ts";

/** An activity as a graph asks for it: with new content, or with a patch of the present content. */
export interface ActivityWish {
  readonly messageId: string | undefined;
  readonly activityType: string | undefined;
  /** `false`: content that the activity already has stays. */
  readonly replace: boolean;
  readonly content?: JsonValue;
  /** RFC 6902. */
  readonly patch?: JsonValue;
}

type Snapshot = Extract<AguiEvent, { type: EventType.ACTIVITY_SNAPSHOT }>;
type Delta = Extract<AguiEvent, { type: EventType.ACTIVITY_DELTA }>;

const MAX_BYTES = 262_144;

/** The operations that every client of Sluice knows. */
const SIMPLE = { add: true, remove: true, replace: true };

export class Activities {
  readonly #runId: string;
  readonly #maxBytes: number;
  readonly #reserve: (id: string) => boolean;
  readonly #shown = new Map<string, ActivityMessage>();

  /** `reserve` takes an id for a message that is new, and returns `false` if another message has it. */
  constructor(
    { runId, history, maxEventBytes = MAX_BYTES }: Pick<TranslatorOptions, "runId" | "history" | "maxEventBytes">,
    reserve: (id: string) => boolean,
  ) {
    this.#runId = runId;
    this.#maxBytes = maxEventBytes;
    this.#reserve = reserve;
    this.note(history);
  }

  /** Messages that the thread has already. */
  note(messages: readonly Message[]): void {
    for (const message of messages) if (message.role === "activity") this.#shown.set(message.id, message);
  }

  /** The events for a wish. `undefined`: the wish cannot be carried out. */
  show(wish: ActivityWish): AguiEvent[] | undefined {
    const { content, patch, replace } = wish;
    const messageId = wish.messageId ?? `${this.#runId}-${wish.activityType ?? "activity"}`;
    const known = this.#shown.get(messageId);
    const activityType = wish.activityType ?? known?.activityType;
    if (activityType === undefined) return undefined;
    if (patch !== undefined) {
      const delta = {
        type: EventType.ACTIVITY_DELTA as const,
        messageId,
        activityType,
        patch: patch as Delta["patch"],
      };
      return known && this.#change(known, delta);
    }
    if (!isRecord(content) || (!known && !this.#reserve(messageId))) return undefined;
    if (known && !replace) return [];
    return this.#replace({ type: EventType.ACTIVITY_SNAPSHOT, messageId, activityType, content });
  }

  #replace(event: Snapshot): AguiEvent[] {
    this.#keep(activityAfter(undefined, event));
    return [event];
  }

  #change(known: ActivityMessage, delta: Delta): AguiEvent[] | undefined {
    const changed = patched(known, delta);
    if (!changed || !isRecord(changed.content)) return undefined;
    if (Buffer.byteLength(JSON.stringify(changed.content)) <= this.#maxBytes) {
      this.#keep(changed);
      if (delta.patch.every(({ op }) => op in SIMPLE)) return [delta];
      return [{ ...delta, patch: jsonPatch.compare(known.content, changed.content) as Delta["patch"] }];
    }
    // Patches must not make the content larger than a snapshot may be.
    const content = toJsonValue(changed.content, { maxBytes: this.#maxBytes }) as Snapshot["content"];
    const { messageId, activityType } = delta;
    return this.#replace({ type: EventType.ACTIVITY_SNAPSHOT, messageId, activityType, content });
  }

  #keep(activity: ActivityMessage | undefined): void {
    if (activity) this.#shown.set(activity.id, activity);
  }
}

/** Applies a patch. `undefined`: the patch does not fit. A graph's mistake does not end the run. */
function patched(known: ActivityMessage, delta: Delta): ActivityMessage | undefined {
  try {
    return activityAfter(known, delta);
  } catch {
    return undefined;
  }
}

/** `undefined`: the value asks for no activity. */
export function activityIn(value: unknown, limits?: JsonLimits): ActivityWish | undefined {
  if (!isRecord(value)) return undefined;
  const { message_id: messageId, activity_type: activityType, content, patch, replace = true } = value;
  if (!isTextOrAbsent(messageId) || !isTextOrAbsent(activityType) || typeof replace !== "boolean") return undefined;
  const about = { messageId, activityType, replace };
  if (isRecord(content)) return { ...about, content: toJsonValue(content, limits) };
  return Array.isArray(patch) ? { ...about, patch: toJsonValue(patch, limits) } : undefined;
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === "string" && value !== "");
}
