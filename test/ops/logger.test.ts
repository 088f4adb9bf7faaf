import { describe, expect, it } from "vitest";
import { errorFields } from "../../src/ops/error-fields.ts";
import { createLogger, unfailing } from "../../src/ops/logger.ts";
import { HOSTILE } from "../support/hostile-values.ts";

describe("what the log says of anything thrown", () => {
  it.each(HOSTILE)("%s", (_name, thrown) => {
    const json = JSON.stringify({ err: errorFields(thrown) });
    expect(json.length).toBeGreaterThan(10);
    expect(json.length).toBeLessThan(200_000);
    expect(() => createLogger("silent").error({ err: thrown }, "run failed")).not.toThrow();
  });

  it("its message, stack, own plain fields and causes", () => {
    const thrown = Object.assign(new TypeError("no luck", { cause: new Error("no line") }), { code: "E1", more: {} });
    expect(errorFields(thrown)).toEqual({
      type: "TypeError",
      message: "no luck",
      code: "E1",
      stack: expect.stringMatching(/^TypeError: no luck\n\s+at /),
      cause: { type: "Error", message: "no line", stack: expect.any(String) },
    });
  });
});

it("a logger that throws takes nothing down", () => {
  const heard: unknown[] = [];
  const fails = (fields: object, sentence: string) => {
    heard.push([fields, sentence]);
    throw new Error("the disk is full");
  };
  const logger = unfailing({ debug: fails, info: fails, warn: fails, error: fails });
  logger.debug({ a: 1 }, "one");
  logger.info({}, "said");
  logger.warn({}, "two");
  logger.error({}, "three");
  expect(heard).toEqual([
    [{ a: 1 }, "one"],
    [{}, "said"],
    [{}, "two"],
    [{}, "three"],
  ]);
});
