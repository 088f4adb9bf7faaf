import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, canonicalParts, parseJson } from "../../src/protocol/json-text.ts";

describe("JSON that a client sends", () => {
  it.each([
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", "9007199254740993"],
    ["-9007199254740993", "-9007199254740993"],
    ['{"id":12345678901234567890,"n":1}', { id: "12345678901234567890", n: 1 }],
    [
      "[1.12345678901234567, 1e400, 12345678901234567e2]",
      [1.1234567890123457, Number.POSITIVE_INFINITY, 1_234_567_890_123_456_800],
    ],
    [
      String.raw`{"12345678901234567890":"a \" 12345678901234567890 \\","b":12345678901234567890}`,
      { "12345678901234567890": 'a " 12345678901234567890 \\', b: "12345678901234567890" },
    ],
  ])("%s keeps its integers exactly", (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  it.each(["", "{", "12345678901234567890 1", '{"a":12345678901234567890,}', '"12345678901234567890'])(
    "%j is none",
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    },
  );

  it("is what JSON.parse says where every integer fits", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom("", '"1234567890123456"'), (value, extra) => {
        const text = JSON.stringify(extra === "" ? value : [value, JSON.parse(extra)]);
        const isLarge = (part: unknown): boolean =>
          typeof part === "number"
            ? Number.isInteger(part) && !Number.isSafeInteger(part)
            : typeof part === "object" && part !== null && Object.values(part).some(isLarge);
        fc.pre(!isLarge(value));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });
});

it("has one canonical form, whatever the order of its keys", () => {
  expect(canonicalJson({ b: [{ y: 1, x: undefined }], a: null })).toBe('{"a":null,"b":[{"y":1}]}');
  expect(canonicalJson({ a: null, b: [{ y: 1 }] })).toBe(canonicalJson({ b: [{ y: 1 }], a: null }));
});

it("has the same canonical form in parts, however deep they go", () => {
  const withGaps = { b: [{ y: 1, x: undefined }, undefined], a: null, c: undefined, d: {}, e: [] };
  for (const depth of [0, 1, 2, 3, 9]) {
    expect([...canonicalParts(withGaps, depth)].join("")).toBe(canonicalJson(withGaps));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect([...canonicalParts(value, depth)].join("")).toBe(canonicalJson(value));
      }),
    );
  }
});
