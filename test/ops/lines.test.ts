/** The log at a terminal. */
import { expect, test } from "vitest";
import { linesFor } from "../../src/ops/lines.ts";
import { createLogger } from "../../src/ops/logger.ts";

function logged(write: (logger: ReturnType<typeof createLogger>) => void, styled = false): string {
  let out = "";
  write(createLogger("info", linesFor({ write: (text) => (out += text) }, styled)));
  return out;
}

test("is a line an entry: when, how bad, the sentence, and its fields", () => {
  expect(logged((logger) => logger.info({ port: 1, agent: "chat" }, "ready"))).toMatch(
    /^\d\d:\d\d:\d\d info {2}ready port=1 agent=chat\n$/,
  );
  expect(logged((logger) => logger.info("draining"))).toMatch(/^\d\d:\d\d:\d\d info {2}draining\n$/);
});

test("an error is its message and its place, without a stack", () => {
  const err = new TypeError("no \x1b[31mdatabase\nat all");
  const out = logged((logger) => logger.warn({ err, runId: "r" }, "run failed"));
  expect(out).toMatch(/ warn {2}run failed: TypeError: no database at all \(\/.+lines\.test\.ts:\d+\) runId=r\n$/);
  expect(logged((logger) => logger.warn({ err: "odd" }, "run failed"))).toMatch(/ run failed: odd\n$/);
});

test("has colours where they are wanted", () => {
  expect(logged((logger) => logger.error("bad"), true)).toMatch(/ \S+error\S+ bad\n$/);
});
