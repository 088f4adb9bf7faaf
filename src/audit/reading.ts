/**
 * Finds every text that a client can read in its frames: fields joined over frames, JSON in texts, and encoded text.
 */
import { isRecord } from "../protocol/input.ts";

/** The ids that pieces of one text share. */
const OWNERS = ["messageId", "toolCallId", "run_id", "runId", "id"];

/** Every text that can be read from frames, with single spaces. */
export function readable(frames: readonly string[]): string[] {
  const plain = [frames.join("\n"), frames.join(""), ...joined(frames)];
  return [...plain, ...plain.flatMap(decoded)].map(singleSpaced);
}

export function singleSpaced(text: string): string {
  return text.replace(/\s+/g, " ");
}

/** The texts in the same field of the same message, tool call or run, put together in their order. */
function joined(frames: readonly string[]): string[] {
  const texts = new Map<string, string>();
  const walk = (value: unknown, path: string, owner: string): void => {
    if (typeof value === "string") {
      const key = `${owner} ${path}`;
      texts.set(key, (texts.get(key) ?? "") + value);
    } else if (Array.isArray(value)) for (const item of value) walk(item, path, owner);
    else if (isRecord(value)) {
      const id = OWNERS.map((name) => value[name]).find((id) => typeof id === "string");
      for (const [key, inner] of Object.entries(value))
        walk(inner, `${path}.${key}`, typeof id === "string" ? id : owner);
    }
  };
  for (const frame of frames) for (const line of frame.split("\n")) walk(parsed(line.replace(/^data: ?/, "")), "", "");
  const whole = [...texts.values()];
  // Arguments and results are JSON within JSON.
  const inner = whole.filter((text) => /^\s*[[{]/.test(text)).map(parsed);
  return [...whole, ...inner.flatMap((value) => (value === undefined ? [] : leaves(value)))];
}

function leaves(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [];
}

function parsed(text: string): unknown {
  if (!/^\s*[[{"]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // A part of a frame.
  }
}

/** The texts within a text: base64 (wherever it begins), hexadecimal digits, escapes of URLs or of JSON. */
function decoded(text: string): string[] {
  const base64 = [...text.matchAll(/[A-Za-z0-9+/_-]{16,}/g)].flatMap(([run]) =>
    [0, 1, 2, 3].map((from) => Buffer.from(run.slice(from), "base64").toString("utf8")),
  );
  const hex = [...text.matchAll(/(?:[\da-f]{2}){12,}/gi)].map(([run]) => Buffer.from(run, "hex").toString("utf8"));
  const url = /%[\da-f]{2}/i.test(text) ? [text.replace(/(?:%[\da-f]{2})+/gi, unescaped)] : [];
  const json = /\\u[\da-f]{4}/i.test(text)
    ? [text.replace(/\\+u([\da-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))]
    : [];
  return [base64.join("\n"), hex.join("\n"), ...url, ...json];
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
