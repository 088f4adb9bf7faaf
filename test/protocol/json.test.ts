import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toJson, toJsonValue } from "../../src/protocol/json.ts";
import { cutText, jsonBytes, withoutStack } from "../../src/protocol/text.ts";
import { NUM_RUNS } from "../support/properties.ts";

const bytesOf = (json: string): number => Buffer.byteLength(json);

class Point {
  x = 1;
  y = undefined;
  get length(): number {
    return 1;
  }
}

class Sealed {
  readonly #secret = 1;
  peek(): number {
    return this.#secret;
  }
}

function throwing(): never {
  throw new Error("no");
}

function nested(levels: number): unknown {
  let value: unknown = "bottom";
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { value };
  return value;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe("toJsonValue: what becomes what", () => {
  const cases: [string, unknown, unknown][] = [
    ["plain values", { a: [1, "x", true, null, { b: 1.5 }] }, { a: [1, "x", true, null, { b: 1.5 }] }],
    ["minus zero", -0, 0],
    ["numbers JSON lacks", [Number.NaN, Infinity, -Infinity], ["NaN", "Infinity", "-Infinity"]],
    ["a BigInt", 12345678901234567890n, "12345678901234567890"],
    ["nothing at the top", undefined, null],
    ["nothing in objects", { a: undefined, b: () => 1, c: Symbol("c"), d: 1 }, { d: 1 }],
    ["nothing in arrays", [undefined, () => 1, Symbol("c"), 1], [null, null, null, 1]],
    ["holes", Object.assign(Array(3), { 1: "x" }), [null, "x", null]],
    ["a Date", { at: new Date(0) }, { at: "1970-01-01T00:00:00.000Z" }],
    ["an invalid Date", [new Date(Number.NaN)], ["Invalid Date"]],
    ["a Map with text keys", new Map<string, unknown>([["a", new Map([["b", 1]])]]), { a: { b: 1 } }],
    ["an empty Map", new Map(), {}],
    [
      "a Map with other keys",
      new Map<unknown, unknown>([
        [1, "x"],
        [{ k: 1 }, undefined],
        [Symbol("s"), Number.NaN],
      ]),
      [
        [1, "x"],
        [{ k: 1 }, null],
        [null, "NaN"],
      ],
    ],
    ["a Set", new Set([1, "a", new Set([2])]), [1, "a", [2]]],
    ["a Buffer", Buffer.from("hello"), { type: "bytes", base64: "aGVsbG8=" }],
    ["an ArrayBuffer", new ArrayBuffer(3), { type: "bytes", base64: "AAAA" }],
    ["a part of an ArrayBuffer", new Uint8Array([1, 2, 3, 4]).subarray(1, 3), { type: "bytes", base64: "AgM=" }],
    ["a DataView", new DataView(new ArrayBuffer(1)), { type: "bytes", base64: "AA==" }],
    ["an embedding", new Float32Array([0.5, -2]), [0.5, -2]],
    ["wide integers", new BigInt64Array([1n, -1n]), ["1", "-1"]],
    ["a RegExp", /a+/gi, "/a+/gi"],
    ["a URL", new URL("https://example.com/a?b"), "https://example.com/a?b"],
    ["boxed values", [Object("s"), Object(1), Object(true), Object(1n)], ["s", 1, true, "1"]],
    ["an instance", new Point(), { x: 1 }],
    ["an instance with toJSON", { toJSON: () => ({ shown: 1 }), hidden: 2 }, { shown: 1 }],
    ["a toJSON that returns a Date", { toJSON: () => new Date(0) }, "1970-01-01T00:00:00.000Z"],
    [
      "a toJSON that returns its object",
      new (class Self extends Point {
        toJSON = () => this;
      })(),
      { x: 1 },
    ],
    ["a toJSON that returns nothing", [{ toJSON: () => undefined }], [null]],
    [
      "instances that show nothing",
      [new Sealed(), Promise.resolve(), new WeakMap()],
      ["[Sealed]", "[Promise]", "[WeakMap]"],
    ],
    ["a generator", (function* () {})(), "[Generator]"],
    ["no prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [
      "objects of another realm",
      runInNewContext("({ a: new Map([['b', [new Date(0)]]]), e: {} })"),
      { a: { b: ["1970-01-01T00:00:00.000Z"] }, e: {} },
    ],
    [
      "throwing getters",
      {
        get a() {
          return throwing();
        },
        b: 1,
      },
      { a: "[unreadable]", b: 1 },
    ],
    ["a throwing toJSON", [{ toJSON: throwing, secret: 1 }], ["[unreadable]"]],
    ["a revoked proxy", { p: revoked(), q: 1 }, { p: "[unreadable]", q: 1 }],
    ["a proxy without keys", [new Proxy({ a: 1 }, { ownKeys: throwing })], ["[unreadable]"]],
    [
      "an array whose items throw",
      new Proxy([1, 2], { get: (target, key) => (key === "1" ? throwing() : Reflect.get(target, key)) }),
      [1, "[unreadable]"],
    ],
  ];
  it.each(cases)("%s", (_, value, expected) => {
    expect(toJsonValue(value)).toEqual(expected);
    expect(JSON.parse(toJson(value))).toEqual(expected);
  });

  it("keeps an own __proto__ key as one, and pollutes nothing", () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"a":1}');
    expect(toJson(value)).toBe('{"__proto__":{"polluted":true},"a":1}');
    const copy = toJsonValue(new Map([["__proto__", { polluted: true }]])) as object;
    expect(Object.keys(copy)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  });

  it("escapes lone surrogates, in text and keys", () => {
    expect(toJson({ "\udc00": "a\ud800b" })).toBe('{"\\udc00":"a\\ud800b"}');
  });

  it("neither changes the value nor shares anything with it", () => {
    const value = Object.freeze({ list: Object.freeze([Object.freeze({ a: 1 })]) });
    const copy = toJsonValue(value) as { list: unknown[] };
    expect(copy).toEqual(value);
    expect(copy.list).not.toBe(value.list);
  });
});

describe("errors", () => {
  it("shows name, message, code and own data; never the stack or an HTTP client's request", () => {
    const error = Object.assign(new TypeError("bad"), {
      code: "E_BAD",
      details: { field: "a" },
      config: { headers: { authorization: "Bearer x" } },
      toJSON: () => ({ stack: "at /home/me" }),
    });
    expect(toJsonValue(error)).toEqual({ name: "TypeError", message: "bad", code: "E_BAD", details: { field: "a" } });
  });

  it("shows causes and collected errors by name and message", () => {
    const root = Object.assign(new RangeError("root"), { code: 7, query: "select" });
    const error = new Error("top", { cause: new Error("middle", { cause: root }) });
    expect(toJsonValue(error)).toEqual({
      name: "Error",
      message: "top",
      cause: { name: "Error", message: "middle", cause: { name: "RangeError", message: "root" } },
    });
    expect(toJsonValue(new AggregateError([new Error("one")], "many"))).toEqual({
      name: "AggregateError",
      message: "many",
      errors: [{ name: "Error", message: "one" }],
    });
  });

  it("takes a stack out of a message, and marks a cause that is a cycle", () => {
    const error = new Error(`wrapped: ${new Error("inner").stack}`);
    error.cause = error;
    expect(toJsonValue(error)).toEqual({ name: "Error", message: "wrapped: Error: inner", cause: "[circular]" });
  });

  it("knows a DOMException and errors of another realm", () => {
    expect(toJsonValue(new DOMException("stop", "AbortError"))).toMatchObject({ name: "AbortError", message: "stop" });
    expect(toJsonValue(runInNewContext("new TypeError('far')"))).toEqual({ name: "TypeError", message: "far" });
  });
});

describe("cycles and depth", () => {
  it("marks an object inside itself, in objects, arrays, Maps, Sets and toJSON", () => {
    const object: Record<string, unknown> = { a: 1 };
    object.self = { object };
    const array: unknown[] = [];
    array.push(array);
    const map = new Map<string, unknown>();
    map.set("map", map);
    const set = new Set<unknown>();
    set.add(set);
    const parent = { child: { toJSON: (): unknown => parent } };
    expect(toJsonValue(object)).toEqual({ a: 1, self: { object: "[circular]" } });
    expect(toJsonValue([array, map, set, parent])).toEqual([
      ["[circular]"],
      { map: "[circular]" },
      ["[circular]"],
      { child: "[circular]" },
    ]);
  });

  it("does not mark what is merely shared", () => {
    const shared = { a: 1 };
    expect(toJsonValue([shared, { shared }, shared])).toEqual([shared, { shared }, shared]);
  });

  it("shows exactly maxDepth levels", () => {
    expect(toJsonValue([[[1]]], { maxDepth: 3 })).toEqual([[[1]]]);
    expect(toJsonValue([[[1]], {}], { maxDepth: 2 })).toEqual([["…[too deep]"], {}]);
  });

  it.each([5_000, 200_000])("survives %d levels", (levels) => {
    expect(toJson(nested(levels))).toContain("…[too deep]");
    expect(toJson(nested(levels), { maxDepth: 1e9 })).toContain("…[too deep]");
  });

  it("ends a toJSON that never does", () => {
    const endless = (): object => ({ toJSON: () => [endless()] });
    expect(toJson(endless())).toContain("…[too deep]");
  });

  it("is not blown up by a small value with two to the power of 60 paths", () => {
    let value: unknown = 1;
    for (let i = 0; i < 60; i++) value = [value, value];
    expect(bytesOf(toJson(value))).toBeLessThanOrEqual(262_144);
  });
});

describe("the bound in bytes", () => {
  it("cuts text and says how many bytes are missing", () => {
    const text = "é".repeat(1_000_000);
    const cut = toJsonValue(text, { maxBytes: 100 }) as string;
    expect(cut).toBe(`${"é".repeat(26)}…[truncated 1999948 bytes]`);
    expect(toJsonValue("x".repeat(262_142))).toHaveLength(262_142);
    expect(toJsonValue("x".repeat(262_143))).toMatch(/^x+…\[truncated \d+ bytes\]$/);
  });

  it("never cuts a pair of surrogates in two", () => {
    for (let maxBytes = 64; maxBytes < 80; maxBytes++) {
      const cut = toJsonValue("😀".repeat(100), { maxBytes }) as string;
      expect(cut).toMatch(/^(😀)+…\[truncated \d+ bytes\]$/u);
    }
  });

  it("leaves room for what follows a long text", () => {
    const value = toJsonValue({ content: "x".repeat(1_000_000), id: "call-1" }, { maxBytes: 1_000 });
    expect(value).toEqual({ content: expect.stringMatching(/^x{300,}…\[truncated \d+ bytes\]$/), id: "call-1" });
  });

  it("says how many items, keys and bytes are left out", () => {
    const list = toJsonValue(
      Array.from({ length: 1_000 }, (_, i) => i),
      { maxBytes: 200 },
    ) as unknown[];
    expect(list.at(-1)).toBe(`…[${1_000 - (list.length - 1)} more items]`);

    const keys = Array.from({ length: 1_000 }, (_, i) => [`key${i}`, i] as const);
    for (const source of [Object.fromEntries(keys), new Map(keys)]) {
      const object = toJsonValue(source, { maxBytes: 200 }) as Record<string, unknown>;
      expect(object["…"]).toBe(`[${1_000 - (Object.keys(object).length - 1)} more keys]`);
    }
    for (const source of [new Set(keys), new Map(keys.map(([key, i]) => [i, key]))]) {
      expect(toJson(source, { maxBytes: 200 })).toMatch(/"…\[\d+ more items\]"\]$/);
    }

    const bytes = toJsonValue(Buffer.alloc(10_000), { maxBytes: 1_000 }) as { base64: string; truncated: number };
    expect(Buffer.from(bytes.base64, "base64").length + bytes.truncated).toBe(10_000);
    expect(bytes.truncated).toBeGreaterThan(0);
  });

  it.each<[string, () => unknown]>([
    ["a sparse array", () => Array(4_000_000_000)],
    ["a long Map", () => new Map(Array.from({ length: 300_000 }, (_, i) => [`k${i}`, undefined]))],
    ["a long key", () => ({ ["k".repeat(1_000_000)]: 1, b: 2 })],
    ["many objects of nothing", () => Array.from({ length: 100_000 }, () => ({ a: undefined }))],
    ["a proxy that claims to be endless", () => new Proxy([], { get: (_, key) => (key === "length" ? Infinity : 1) })],
    ["a long BigInt", () => 10n ** 300_000n],
    ["a long class name", () => Object.create({ constructor: { name: "N".repeat(1_000_000) } })],
  ])("holds for %s", (_, make) => {
    const json = toJson(make());
    expect(bytesOf(json)).toBeLessThanOrEqual(262_144);
    expect(json).toMatch(/…/);
  });

  it("is 64 bytes at least, also when it is no number", () => {
    for (const maxBytes of [0, -1, Number.NaN]) {
      expect(bytesOf(toJson("x".repeat(1_000), { maxBytes }))).toBeLessThanOrEqual(64);
      expect(bytesOf(toJson([["x".repeat(1_000)]], { maxBytes }))).toBeLessThanOrEqual(64);
    }
  });
});

describe("convert", () => {
  const convert = (value: object): unknown =>
    "secret" in value ? { kind: "seen", inner: Reflect.get(value, "inner") } : undefined;

  it("stands in for an object, anywhere in the value, and is asked about what it returned inside", () => {
    expect(toJsonValue([{ a: { secret: 1, inner: { secret: 2 } } }], { convert })).toEqual([
      { a: { kind: "seen", inner: { kind: "seen" } } },
    ]);
  });

  it("may return the object itself, and a throw is marked", () => {
    expect(toJsonValue({ a: 1 }, { convert: (value) => value })).toEqual({ a: 1 });
    expect(toJsonValue([{ a: 1 }, 2], { convert: throwing })).toEqual(["[unreadable]", 2]);
  });
});

describe("properties", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    maxDepth: 5,
  });

  it("never throws, is valid JSON and stays within its bound, whatever the value, cycles included", () => {
    const limits = fc.record({
      maxBytes: fc.integer({ min: 64, max: 2_000 }),
      maxDepth: fc.integer({ min: 0, max: 8 }),
    });
    fc.assert(
      fc.property(anything, limits, (value, limit) => {
        const wrapped: Record<string, unknown> = { value, list: [value] };
        wrapped.self = new Map([["cycle", [wrapped]]]);
        for (const subject of [value, wrapped]) {
          const json = toJson(subject, limit);
          expect(bytesOf(json)).toBeLessThanOrEqual(limit.maxBytes);
          expect(toJsonValue(subject, limit)).toEqual(JSON.parse(json));
          expect(json.isWellFormed()).toBe(true);
        }
      }),
      { numRuns: Math.min(NUM_RUNS, 1_000) },
    );
  });

  it("is what JSON.stringify gives for plain values", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        expect(toJson(value)).toBe(JSON.stringify(value));
        expect(toJsonValue(value)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: Math.min(NUM_RUNS, 1_000) },
    );
  });

  it("counts the bytes of a text exactly", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }),
        fc.nat(40),
        (text, room) => {
          expect(jsonBytes(text)).toBe(bytesOf(JSON.stringify(text)));
          expect(jsonBytes(cutText(text, room))).toBeLessThanOrEqual(room + 2 + 38);
        },
      ),
    );
  });
});

describe("withoutStack", () => {
  it.each([
    ["no stack here", "no stack here"],
    ["two\n\nparagraphs", "two\n\nparagraphs"],
    ["meet me\n  at noon", "meet me\n  at noon"],
    ["bad\n\nError: bad\n    at f (/app/x.js:1:2)\n    at /app/y.js:1:2", "bad"],
    ["bad\n\nworse\n\nTypeError: bad\n\nworse\n    at <anonymous>", "bad\n\nworse"],
    ["bad\n\nError: bad", "bad"],
    ["\n\nTypeError\n    at f (/app/x.js:1:2)", "TypeError"],
    ["Error: bad\n    at f (/app/x.js:1:2)\nCaused by: /app/z.js", "Error: bad"],
  ])("%j", (text, expected) => {
    expect(withoutStack(text)).toBe(expected);
  });

  it("is quick with a long text of blank lines", () => {
    expect(withoutStack("\n".repeat(1_000_000))).toBeDefined();
  });
});
