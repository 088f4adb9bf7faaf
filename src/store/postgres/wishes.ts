/** Statements about a run that its owner, or another process, gets a message of. */
import { HOLDING } from "../deletions.ts";
import type { Wish } from "../instances.ts";

const NOTIFYING = `SELECT pg_notify($2, $3) FROM runs WHERE thread_id = $1 AND ${HOLDING}`;

/** Lets an active run go. Its values: thread, run, fence, the new input or null, channel. */
export const HAND_OVER = `WITH let_go AS (
    UPDATE runs SET owner = NULL, input = coalesce($4, input)
    WHERE thread_id = $1 AND run_id = $2 AND fence = $3 AND status = 'active' RETURNING 1)
  SELECT pg_notify($5, 'left') FROM let_go`;

/** Each sends a wish. Its values: thread, channel, message. */
export const ASK: Record<Wish, string> = {
  // A run that is ending has its end. A deletion is no run: it has no agent.
  cancel: wishing("cancel_wanted", "AND status IN ('admitted', 'active') AND agent <> ''"),
  graph: wishing("graph_wanted", "AND NOT graph_wanted"),
  yield: NOTIFYING,
  inject: NOTIFYING,
};

function wishing(column: string, unless = ""): string {
  return `WITH asked AS (UPDATE runs SET ${column} = true WHERE thread_id = $1 AND ${HOLDING} ${unless} RETURNING 1)
    SELECT pg_notify($2, $3) FROM asked`;
}
