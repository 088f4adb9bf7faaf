/** Summarizes an event in a few words, for its row. */
import type { AguiEvent } from "../../protocol/events.ts";

const LONGEST = 80;
/** The members of an event that are shown, the most important first. */
const SHOWN = ["delta", "content", "toolCallName", "stepName", "name", "code", "role", "runId"];

export function preview(event: AguiEvent): string {
  const members = event as unknown as Readonly<Record<string, unknown>>;
  const text = SHOWN.map((member) => members[member]).find((value) => typeof value === "string" && value !== "");
  return typeof text === "string" ? text.slice(0, LONGEST).replace(/\s+/g, " ") : "";
}
