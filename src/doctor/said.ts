/** Reads the text of messages of any source. */
import { isRecord } from "../protocol/input.ts";
import { asMessage, partsOf } from "../translate/content.ts";

/** The text of a message or of one of its chunks. */
export function saidIn(value: unknown): string {
  const message = asMessage(value);
  if (!message) return isRecord(value) && typeof value.text === "string" ? value.text : "";
  return partsOf(message)
    .map((part) => (part.kind === "text" ? part.text : ""))
    .join("");
}

/** Removes white space: a node that cuts a text into words may lose the spaces between them. */
export function squeezed(text: string): string {
  return text.replace(/\s+/g, "");
}

/** Shorter texts may occur twice by chance. */
const MARKED = 20;

/** Is `delivered` a model's text, unchanged or with little text around it? */
export function isFrom(delivered: string, said: string): boolean {
  const [a, b] = [squeezed(delivered), squeezed(said)];
  if (a === "" || b === "") return false;
  return a === b || (b.length >= MARKED && a.includes(b)) || (a.length >= MARKED && b.includes(a));
}

/** Is it a JSON object or list, as structured output is? */
export function isJson(text: string): boolean {
  const bare = text.trim().replace(/^```(?:json)?\s*|\s*```$/g, "");
  if (!/^[{[]/.test(bare)) return false;
  try {
    JSON.parse(bare);
    return true;
  } catch {
    return false; // A text that begins like JSON.
  }
}
