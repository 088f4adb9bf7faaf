/** Describes the result of a cut. The sentence contains only what was counted. */
import type { Resume, TransportKind } from "../transport/transport.ts";
import { count } from "../views/readable.ts";
import { fine } from "./precise.ts";

/** `narrowed`: tokens or reasoning are switched off. Then the offsets have holes. */
export function sentence(resume: Resume, kind: TransportKind, narrowed: boolean): string {
  const { from, replayed, lost, doubled } = resume;
  const back = `Back in ${fine(resume.tookMs)}`;
  if (kind === "bare") {
    const again =
      replayed > 0
        ? `the run was sent again from its beginning, in ${count(replayed, "event")}`
        : "the conversation was sent again";
    return `${back}. This line has no cursors: ${again}.`;
  }
  const entries = count(replayed, "entry", "entries");
  if (from === undefined) return `${back}. There were no events before the cut: ${entries} from the beginning.`;
  if (resume.anew) {
    return `${back}. The log no longer holds the events after cursor ${from}, so the thread was sent again from the server's store.`;
  }
  if (narrowed) {
    return `${back}, from cursor ${from}: ${entries} replayed, ${doubled} doubled. Offsets have holes while something is switched off, so a loss shows only in the text.`;
  }
  return `${back}, from cursor ${from}: ${entries} replayed, ${lost} lost, ${doubled} doubled.`;
}
