/** Checkpoints as clients may name them: points of a thread's transcript, and none of the graph's own. Pure. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { SluiceError } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/input.ts";
import type { Return } from "../../runs/points.ts";

/** A checkpoint in a thread's state. */
export interface Checkpoint {
  readonly thread_id: string;
  readonly checkpoint_ns: "";
  readonly checkpoint_id: string;
  readonly checkpoint_map: null;
}

/** The checkpoint after a message of a thread; before the first one without a message. */
export function checkpointAfter(threadId: string, messageId: string | undefined): Checkpoint {
  const checkpoint_id = digest([threadId, messageId ?? null]);
  return { thread_id: threadId, checkpoint_ns: "", checkpoint_id, checkpoint_map: null };
}

export const NO_CHECKPOINT = "This thread has no such checkpoint that clients can see.";

/** @throws SluiceError `not_found` when it is none of these points: it may be of another thread, or of a branch that was left. */
export function pointAt(checkpointId: string, threadId: string, points: readonly Return[]): Return {
  const point = points.find(({ after }) => checkpointAfter(threadId, after).checkpoint_id === checkpointId);
  if (point) return point;
  throw new SluiceError("not_found", NO_CHECKPOINT);
}

/** Fields of a body that name a checkpoint. */
export const CHECKPOINT_FIELDS: ReadonlySet<string> = new Set(["checkpoint", "checkpoint_id"]);

const id = z.string({ error: "must be the id of a checkpoint" }).nullish();
const checkpointBody = z.object({
  checkpoint: z
    .looseObject({ checkpoint_id: id }, { error: 'must be an object like {"checkpoint_id": "..."}' })
    .nullish(),
  checkpoint_id: id,
  config: z.looseObject({ configurable: z.looseObject({ checkpoint_id: id }).nullish() }).nullish(),
});

/**
 * The checkpoint that a body asks to go back to.
 * @throws SluiceError `forbidden` when it is of another thread, or of a graph inside the graph; `bad_request`.
 */
export function checkpointIn(body: unknown, threadId: string): string | undefined {
  const { checkpoint, checkpoint_id, config } = parseWith(checkpointBody, body, "body");
  const { thread_id = threadId, checkpoint_ns, checkpoint_map } = checkpoint ?? {};
  for (const [name, isAllowed] of [
    ["thread_id", thread_id === threadId],
    ["checkpoint_ns", !checkpoint_ns],
    ["checkpoint_map", !checkpoint_map],
  ] as const) {
    if (!isAllowed) throw new SluiceError("forbidden", `checkpoint.${name}: clients may not set this. Leave it out.`);
  }
  const named = [checkpoint?.checkpoint_id, checkpoint_id, config?.configurable?.checkpoint_id].filter((one) => !!one);
  if (new Set(named).size > 1) throw new SluiceError("bad_request", "checkpoint_id: name one checkpoint only.");
  return named[0] ?? undefined;
}

function digest(parts: readonly unknown[]): string {
  const hex = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
