/** A module whose evaluation never ends. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { announced } from "../../src/graph/loading/module.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

it("a module that loads for ten seconds is named, once, and may still come", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  let arrive: (value: string) => void = () => {};
  const loading = announced(new Promise<string>((done) => (arrive = done)), "./slow.ts");
  vi.advanceTimersByTime(9_999);
  expect(warn).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(warn).toHaveBeenCalledTimes(1);
  expect(warn.mock.calls[0]?.[0]).toMatch(/^\.\/slow\.ts is still loading .* top-level await/);
  arrive("here");
  expect(await loading).toBe("here");
});

it("one that arrives in time is not", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  expect(await announced(Promise.resolve(1), "./quick.ts")).toBe(1);
  vi.advanceTimersByTime(60_000);
  expect(warn).not.toHaveBeenCalled();
});
