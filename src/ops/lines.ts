/** The log for a person at a terminal: one line an entry. Other outputs get JSON. */
import { stripVTControlCharacters, styleText } from "node:util";
import type pino from "pino";

type Look = Parameters<typeof styleText>[0];

const LEVELS: Readonly<Record<number, readonly [name: string, look: Look]>> = {
  10: ["trace", "dim"],
  20: ["debug", "dim"],
  30: ["info", "green"],
  40: ["warn", "yellow"],
  50: ["error", "red"],
  60: ["fatal", "red"],
};

/** Takes pino's lines of JSON and writes lines for people to `out`. `styled`: with colours. */
export function linesFor(out: { write(text: string): unknown }, styled: boolean): pino.DestinationStream {
  const look = (how: Look, text: string) => (styled ? styleText(how, text, { validateStream: false }) : text);
  return { write: (json: string) => void out.write(`${lineOf(json, look)}\n`) };
}

function lineOf(json: string, look: (how: Look, text: string) => string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const [name, colour] = LEVELS[Number(level)] ?? [String(level), "dim"];
  const at = new Date(Number(time)).toLocaleTimeString("en-GB");
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${printable(value)}`);
  const why = err === undefined ? "" : `: ${whyOf(err)}`;
  return [
    look("dim", at),
    look(colour, name.padEnd(5)),
    `${printable(msg ?? "")}${why}`,
    ...rest.map((field) => look("dim", field)),
  ].join(" ");
}

/** Writes an error in one line: its message, and the first place in the user's own files. */
function whyOf(err: unknown): string {
  if (typeof err !== "object" || err === null) return printable(err);
  const { type, message, stack } = err as Readonly<Record<string, unknown>>;
  const named = typeof type === "string" && type !== "Error" ? `${type}: ` : "";
  const place = typeof stack === "string" ? ownPlace(stack) : undefined;
  return printable(`${named}${message ?? JSON.stringify(err)}${place ? ` (${place})` : ""}`);
}

function ownPlace(stack: string): string | undefined {
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  const own = frames.find((line) => !/node_modules|node:/.test(line) && !line.includes(OWN_FOLDER));
  return own && /((?:\/|[A-Za-z]:[\\/])[^()]+?:\d+)(?::\d+)?\)?$/.exec(own.replace("file://", ""))?.[1];
}

/** The folder with all of Sluice's code. */
const OWN_FOLDER = new URL("..", import.meta.url).pathname;

/** Makes one line, without control characters. */
function printable(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return stripVTControlCharacters(text)
    .replace(/\s*[\r\n]+\s*/g, " ")
    .replace(/\p{Cc}/gu, "");
}
