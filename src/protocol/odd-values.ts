/** Recognizes and reads values that JSON knows nothing about. It must work for objects of another realm too. */
import { types } from "node:util";
import { withoutStack } from "./text.ts";

/** An object literal, `Object.create(null)`, or such an object of another realm: it has no class. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/**
 * Fields that are not copied from errors: the stack, the request and credentials that HTTP clients put there, and
 * `cause`, which is added last.
 */
const UNFIT_FOR_ERRORS = new Set(["stack", "cause", "config", "request", "response", "headers"]);

export function isError(value: object): value is Error {
  return types.isNativeError(value) || value instanceof Error || value instanceof DOMException;
}

/** The fields to show of an error, in order; those it does not have read as `undefined`. */
export function errorKeys(error: object, brief: boolean): string[] {
  const own = brief ? [] : ["code", ...Object.keys(error), "errors"];
  return [...new Set(["name", "message", ...own.filter((key) => !UNFIT_FOR_ERRORS.has(key)), "cause"])];
}

export function errorField(error: object, key: string): unknown {
  const value = (error as Record<string, unknown>)[key];
  if (key === "message") return withoutStack(String(value));
  return key === "name" ? String(value) : value;
}

export function isoDate(date: Date): string {
  return Number.isNaN(Date.prototype.getTime.call(date)) ? "Invalid Date" : Date.prototype.toISOString.call(date);
}

export function asBytes(value: object): Buffer | undefined {
  if (types.isAnyArrayBuffer(value)) return Buffer.from(value);
  if (!ArrayBuffer.isView(value) || (types.isTypedArray(value) && value.BYTES_PER_ELEMENT > 1)) return undefined;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

export function className(value: object): string {
  const name: unknown = value.constructor?.name;
  // "Generator" of "[object Generator]"
  return typeof name === "string" && name !== "" ? name : Object.prototype.toString.call(value).slice(8, -1);
}
