/**
 * Converts any value of a graph or a tool to JSON. It never throws, marks missing parts instead of dropping them
 * silently, and limits the size in bytes.
 *
 * | value | becomes |
 * |---|---|
 * | plain JSON values | themselves, copied |
 * | `undefined`, functions, symbols | left out of objects, `null` in arrays and at the top, as in `JSON.stringify` |
 * | `NaN`, `Infinity`, BigInt, RegExp | a string |
 * | Date | its ISO string, or `"Invalid Date"` |
 * | Map | an object when all its keys are strings, else an array of `[key, value]` |
 * | Set, typed arrays of numbers wider than a byte | an array |
 * | Buffer, ArrayBuffer, DataView, arrays of bytes | `{"type":"bytes","base64":"..","truncated"?: bytes left out}` |
 * | Error | `{name, message, code?, ..own fields, errors?, cause?}`, without stack or an HTTP client's request |
 * | an Error right inside an Error | `{name, message, cause?}` |
 * | anything with a `toJSON` | what that returns |
 * | other instances | their own enumerable fields; with none, the class: `"[Promise]"` |
 * | an object inside itself | `"[circular]"` |
 * | what throws when it is read | `"[unreadable]"` |
 * | what lies too deep | `"…[too deep]"` |
 * | text, a list, an object that does not fit | `"abc…[truncated 12 bytes]"`, `[.., "…[12 more items]"]`, `{.., "…": "[12 more keys]"}` |
 */
import { types } from "node:util";
import { asBytes, className, errorField, errorKeys, isError, isoDate, isPlainObject } from "./odd-values.ts";
import { cutText, jsonBytes } from "./text.ts";

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

export interface JsonLimits {
  /**
   * Bytes of the JSON text in UTF-8. Default 262144 (256 KiB), at least 64. The text is never longer. A part that is
   * left out must be marked, so cutting may begin up to 48 bytes a level of nesting early.
   */
  readonly maxBytes?: number;
  /** Objects and arrays inside each other. Default 64, at most 512. */
  readonly maxDepth?: number;
  /**
   * Called first for every object except arrays. The object it returns is written instead: its fields are copied, and
   * `convert` is not called for it again. `undefined` means "not mine". A throw makes the object `"[unreadable]"`.
   */
  readonly convert?: (value: object) => unknown;
}

/** `value` as plain JSON. The result shares nothing with `value`. Never throws. */
export function toJsonValue(value: unknown, limits: JsonLimits = {}): JsonValue {
  return JSON.parse(toJson(value, limits));
}

/** `value` as JSON text, always valid and well-formed. Never throws. */
export function toJson(value: unknown, limits: JsonLimits = {}): string {
  return new Writer(limits).write(value) ?? "null";
}

const CIRCULAR = "[circular]";
/** Replaces a value that throws when it is read. */
export const UNREADABLE = "[unreadable]";
const TOO_DEEP = "…[too deep]";
const TRUNCATED = "…[truncated]";

/** Room for the longest mark. It is kept free before every value, so a mark always fits within the limit. */
const MARK_BYTES = 48;
const MAX_DEPTH = 512;
/** The bytes of `{"type":"bytes",..}` around the base64. */
const BYTES_FRAME = 160;

/** One walk over one value, counting the bytes of its JSON. Every `write` needs MARK_BYTES to be left. */
class Writer {
  private left: number;
  private readonly maxDepth: number;
  private readonly convert: JsonLimits["convert"];
  /** The objects around the one being written, outermost first. Short: a linear search beats a Set here. */
  private readonly ancestors: object[] = [];

  constructor({ maxBytes = 262_144, maxDepth = 64, convert }: JsonLimits) {
    this.left = maxBytes >= 64 ? maxBytes : 64; // also for NaN: no limit would be worse than a small one
    this.maxDepth = maxDepth <= MAX_DEPTH ? maxDepth : MAX_DEPTH;
    this.convert = convert;
  }

  /** Returns `undefined` for values that JSON leaves out. */
  write(value: unknown): string | undefined {
    switch (typeof value) {
      case "string":
        return this.text(value);
      case "number":
        return Number.isFinite(value) ? this.word(String(value)) : this.text(String(value));
      case "boolean":
        return this.word(String(value));
      case "bigint":
        return this.text(String(value));
      case "object":
        return value === null ? this.word("null") : this.object(value);
      default:
        return undefined;
    }
  }

  private word(word: string): string {
    this.left -= word.length;
    return word;
  }

  /** Text that does not fit is cut to half of the remaining bytes, so that later values have room too. */
  private text(text: string): string {
    const bytes = jsonBytes(text, this.left);
    if (bytes <= this.left) {
      this.left -= bytes;
      return quote(text, bytes);
    }
    const share = this.ancestors.length === 0 ? this.left : this.left / 2;
    return this.text(cutText(text, Math.max(share - MARK_BYTES, 0)));
  }

  private object(value: object): string | undefined {
    if (this.ancestors.includes(value)) return this.text(CIRCULAR);
    const { left } = this;
    this.ancestors.push(value);
    try {
      return this.shape(value);
    } catch {
      this.left = left;
      return this.text(UNREADABLE);
    } finally {
      this.ancestors.pop();
    }
  }

  private shape(value: object): string | undefined {
    const converted = Array.isArray(value) ? undefined : this.convert?.(value);
    if (converted !== undefined) return this.standIn(value, converted);
    const special = this.special(value);
    if (special !== undefined) return special;
    const { toJSON } = value as { toJSON?: unknown };
    return typeof toJSON === "function" ? this.standIn(value, toJSON.call(value, "")) : this.contents(value);
  }

  /** The result of `convert` or `toJSON` for `value`. */
  private standIn(value: object, other: unknown): string | undefined {
    if (typeof other !== "object" || other === null) return this.write(other);
    if (other !== value && this.ancestors.includes(other)) return this.text(CIRCULAR);
    return this.special(other) ?? this.contents(other);
  }

  /** Values whose `toJSON` is not called: it loses data (Date, Buffer) or shows stack and credentials (HTTP errors). */
  private special(value: object): string | undefined {
    if (isPlainObject(value) || Array.isArray(value)) return undefined;
    if (types.isDate(value)) return this.text(isoDate(value));
    if (isError(value)) return this.error(value);
    const bytes = asBytes(value);
    return bytes && this.bytes(bytes);
  }

  private contents(value: object): string | undefined {
    if (Array.isArray(value)) return this.list(value);
    if (!isPlainObject(value)) {
      if (types.isMap(value)) return this.map(value);
      if (types.isSet(value)) return this.list(firstOf(Set.prototype.values.call(value), this.left), value.size);
      if (types.isTypedArray(value)) return this.list(value);
      if (types.isRegExp(value)) return this.text(String(value));
      if (types.isBoxedPrimitive(value)) return this.write(value.valueOf());
      if (Object.keys(value).length === 0) return this.text(`[${className(value)}]`);
    }
    return this.record(value);
  }

  private map(map: Map<unknown, unknown>): string {
    const entries = firstOf(Map.prototype.entries.call(map), this.left);
    if (!entries.every(([key]) => typeof key === "string")) return this.list(entries, map.size);
    const keys = entries.map(([key]) => String(key));
    return this.fields(keys, (key) => Map.prototype.get.call(map, key), map.size);
  }

  /** An error right inside another is shown by name, message and cause only. */
  private error(error: object): string {
    const around = this.ancestors.at(-2);
    const keys = errorKeys(error, around !== undefined && isError(around));
    return this.fields(keys, (key) => errorField(error, key));
  }

  private bytes(bytes: Buffer): string {
    const room = Math.max((this.left - BYTES_FRAME) * 0.75, 0);
    if (bytes.length <= room) return this.record({ type: "bytes", base64: bytes.toString("base64") });
    const kept = Math.floor(room / 6) * 3; // half of the room, as with text, and whole groups of base64
    const base64 = bytes.toString("base64", 0, kept);
    return this.record({ type: "bytes", base64, truncated: bytes.length - kept });
  }

  private record(value: object): string {
    return this.fields(Object.keys(value), (key) => (value as Record<string, unknown>)[key]);
  }

  private list(items: ArrayLike<unknown>, size = items.length): string {
    const refused = this.open();
    if (refused) return this.text(refused);
    const read = (index: number): unknown => items[index];
    let json = "";
    for (let i = 0; i < items.length; i++) {
      if (this.left < 1 + MARK_BYTES) return `[${json}${comma(json)}"…[${size - i} more items]"]`;
      this.left -= 1;
      json += comma(json) + (this.write(attempt(read, i)) ?? this.word("null"));
    }
    this.left += MARK_BYTES;
    return `[${json}]`;
  }

  private fields(keys: readonly string[], read: (key: string) => unknown, size = keys.length): string {
    const refused = this.open();
    if (refused) return this.text(refused);
    let json = "";
    let done = 0;
    for (const key of keys) {
      const bytes = jsonBytes(key, this.left);
      if (this.left < bytes + 2 + MARK_BYTES) return `{${json}${comma(json)}"…":"[${size - done} more keys]"}`;
      this.left -= bytes + 2;
      const value = this.write(attempt(read, key));
      if (value !== undefined) json += `${comma(json)}${quote(key, bytes)}:${value}`;
      else this.left += bytes + 1; // one byte is charged: a million such keys must not be free
      done++;
    }
    this.left += MARK_BYTES;
    return `{${json}}`;
  }

  /**
   * Reserves room for the brackets and a mark. Returns the mark that replaces a value that is too deep or does not fit.
   */
  private open(): string | undefined {
    if (this.ancestors.length > this.maxDepth) return TOO_DEEP;
    if (this.left < 2 + MARK_BYTES) return TRUNCATED;
    this.left -= 2 + MARK_BYTES;
    return undefined;
  }
}

/** `text` in quotes; with as many bytes as characters there is nothing to escape. */
function quote(text: string, bytes: number): string {
  return bytes === text.length + 2 ? `"${text}"` : JSON.stringify(text);
}

function comma(before: string): string {
  return before === "" ? "" : ",";
}

/**
 * Returns at most `limit` items. Each item needs at least one byte, so more items than the remaining bytes cannot be
 * shown.
 */
function firstOf<T>(items: Iterable<T>, limit: number): T[] {
  const first: T[] = [];
  for (const item of items) {
    if (first.length >= limit) break;
    first.push(item);
  }
  return first;
}

function attempt<K>(read: (key: K) => unknown, key: K): unknown {
  try {
    return read(key);
  } catch {
    return UNREADABLE;
  }
}
