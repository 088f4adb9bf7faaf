import { z } from "zod";
import { type Note, noteSchema } from "./tools/write-note.ts";

/** The person's decision about a proposed note. */
export type Decision =
  | { readonly approved: true; readonly note: Note }
  /** `reason` is passed on to the model. */
  | { readonly approved: false; readonly reason: string };

/** The JSON Schema of the answer, from which a client can build a form. The defaults are what was proposed. */
export function answerSchema({ title, text }: Note) {
  return {
    type: "object",
    properties: {
      decision: { type: "string", enum: ["approve", "edit", "reject"] },
      title: { type: "string", description: "For edit: the title to use instead.", default: title },
      text: { type: "string", description: "For edit: the text to use instead.", default: text },
      reason: { type: "string", description: "For reject: why." },
    },
    required: ["decision"],
  };
}

// `approved` may be sent too, but must not contradict the decision.
const answer = z.discriminatedUnion("decision", [
  z.object({ decision: z.literal("approve"), approved: z.literal(true).optional() }),
  z.object({ decision: z.literal("edit"), approved: z.literal(true).optional(), ...noteSchema.partial().shape }),
  z.object({ decision: z.literal("reject"), reason: z.string().trim().optional() }),
]);

/**
 * Reads the person's answer: one that fits {@link answerSchema}, or one of its short forms. Only a clear yes counts as
 * a yes. "approve" means the note as it was proposed, even if other fields were sent.
 */
export function readDecision(value: unknown, proposed: Note): Decision {
  const parsed = answer.safeParse(longForm(value));
  const refused = `The note “${proposed.title}” was not written`;
  if (!parsed.success) return { approved: false, reason: `${refused}: the person's answer was not understood.` };
  switch (parsed.data.decision) {
    case "approve":
      return { approved: true, note: proposed };
    case "edit": {
      const { title = proposed.title, text = proposed.text } = parsed.data;
      return { approved: true, note: { title, text } };
    }
    case "reject": {
      const why = parsed.data.reason ? `, and said: ${parsed.data.reason}` : ".";
      return { approved: false, reason: `${refused}. The person rejected it${why}` };
    }
  }
}

/** Short forms: yes and no as a value or a word, what a terminal's /approve and /reject send, and a cancelled form. */
function longForm(value: unknown): unknown {
  if (value === true || value === "approve") return { decision: "approve" };
  if (value === false || value === "reject") return { decision: "reject" };
  if (typeof value !== "object" || value === null) return value;
  if ("__agui_cancelled__" in value) return { decision: "reject" };
  if ("decision" in value || !("approved" in value)) return value;
  if (value.approved === true) return { decision: "approve" };
  if (value.approved === false) return { decision: "reject", reason: "text" in value ? value.text : undefined };
  return value;
}
