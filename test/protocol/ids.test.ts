import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkId, graphTopic, isId, MAX_ID_BYTES, threadTopic } from "../../src/protocol/ids.ts";

describe("an id of a client's choice", () => {
  it.each([
    ["a UUID", "0b5e2c1e-8a3b-4f7d-9c8e-000000000000"],
    ["a word", "t"],
    ["inner blanks", "my thread"],
    ["slashes, colons and percent signs", "a/b:c%2F|d"],
    ["any script", "対話-1 ✓ 🧵"],
    ["256 bytes", "a".repeat(MAX_ID_BYTES)],
    ["256 bytes of characters that take four", "🧵".repeat(MAX_ID_BYTES / 4)],
  ])("may be %s", (_, id) => {
    expect(isId(id)).toBe(true);
    expect(checkId("threadId", id)).toBe(id);
  });

  it.each([
    ["empty", ""],
    ["blank", " \u3000 "],
    ["257 bytes", "a".repeat(MAX_ID_BYTES + 1)],
    ["short, but more than 256 bytes", `${"🧵".repeat(MAX_ID_BYTES / 4)}a`],
    ["two lines", "a\nb"],
    ["a NUL", "a\0"],
    ["a delete", "a\u007f"],
    ["a C1 control", "a\u0085b"],
    ["half a character", "a\ud800"],
  ])("may not be %s", (_, id) => {
    expect(isId(id)).toBe(false);
    expect(() => checkId("threadId", id)).toThrow(
      expect.objectContaining({ code: "bad_request", message: expect.stringContaining("threadId") }),
    );
  });

  it("is not repeated in the error", () => {
    expect(() => checkId("runId", "secret\n")).toThrow("runId must be 1 to 256 bytes of printable text.");
  });
});

describe("a topic", () => {
  const id = fc.string({ unit: "grapheme", minLength: 1 }).filter(isId);

  it("says what it is of", () => {
    expect(threadTopic("t1")).toBe("thread:t1");
    expect(graphTopic("t1")).toBe("thread:t1/graph");
    expect(threadTopic("a/b c:d")).toBe("thread:a%2Fb%20c%3Ad");
  });

  it("belongs to one thread alone", () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        fc.pre(a !== b);
        expect(new Set([threadTopic(a), threadTopic(b), graphTopic(a), graphTopic(b)]).size).toBe(4);
      }),
    );
  });

  it("holds nothing to trip over", () => {
    fc.assert(
      fc.property(id, (id) => {
        expect(threadTopic(id)).toMatch(/^thread:[^\s/:]+$/);
      }),
    );
  });
});
