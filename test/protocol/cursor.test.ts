import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCursor, parseCursor } from "../../src/protocol/cursor.ts";

describe("a cursor", () => {
  it("is written epoch:offset", () => {
    expect(formatCursor({ epoch: "k3v9", offset: 17 })).toBe("k3v9:17");
    expect(parseCursor("k3v9:17")).toEqual({ epoch: "k3v9", offset: 17 });
    expect(parseCursor("k3v9:0")).toEqual({ epoch: "k3v9", offset: 0 });
  });

  it("reads back what it wrote", () => {
    const epoch = fc.stringMatching(/^[A-Za-z0-9]{1,32}$/);
    const offset = fc.integer({ min: 0, max: 999_999_999_999_999 });
    fc.assert(
      fc.property(epoch, offset, (epoch, offset) => {
        expect(parseCursor(formatCursor({ epoch, offset }))).toEqual({ epoch, offset });
      }),
    );
  });

  it.each([
    ["nothing", ""],
    ["no epoch", ":1"],
    ["no offset", "a:"],
    ["no colon", "a1"],
    ["two colons", "a:b:1"],
    ["a negative offset", "a:-1"],
    ["a fraction", "a:1.5"],
    ["a number in another notation", "a:1e3"],
    ["digits of another script", "a:١"],
    ["an offset past what a number holds exactly", "a:9999999999999999"],
    ["an epoch that is too long", `${"a".repeat(33)}:1`],
    ["an epoch with other characters", "a-b:1"],
    ["blanks around it", " a:1 "],
    ["a line break after it", "a:1\n"],
  ])("is not %s", (_, text) => {
    expect(parseCursor(text)).toBeUndefined();
  });
});
