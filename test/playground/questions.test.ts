/** Turns an answer's schema into a form, and the typed text into an answer. */
import { describe, expect, test } from "vitest";
import { answerSchema } from "../../src/agents/decision.ts";
import {
  answerOf,
  confirming,
  decisionsOf,
  type Field,
  fieldsFor,
  formOf,
  inWords,
} from "../../src/playground/interrupts/schema.ts";

const names = (fields: readonly Field[]) => fields.map(({ name, kind }) => `${name}: ${kind}`);

describe("a form", () => {
  test("for a decision has a button for each, and the fields that each wants", () => {
    const { decision, fields, bare } = formOf(answerSchema({ title: "Milk", text: "Buy milk" }));
    expect(decision && decisionsOf(decision).map(({ label }) => label)).toEqual(["Approve", "Edit", "Reject"]);
    expect(["Approve", "Edit", "Reject"].map(confirming)).toEqual(["Approve", "Approve with changes", "Reject"]);
    expect(names(fieldsFor(fields, "approve"))).toEqual([]);
    expect(fieldsFor(fields, "edit").map(({ name, initial }) => [name, initial])).toEqual([
      ["title", "Milk"],
      ["text", "Buy milk"],
    ]);
    expect(names(fieldsFor(fields, "reject"))).toEqual(["reason: text"]);
    expect(bare).toBe(false);
  });

  test("for a yes or no has both", () => {
    const { decision, fields } = formOf({
      type: "object",
      properties: { approved: { type: "boolean" }, note: { type: "string" } },
    });
    expect(decision && decisionsOf(decision)).toEqual([
      { label: "Approve", value: true, refuses: false },
      { label: "Reject", value: false, refuses: true },
    ]);
    expect(names(fieldsFor(fields, true))).toEqual(["note: text"]);
  });

  test("has a field for each property, and JSON for what is nested", () => {
    const { decision, fields } = formOf({
      type: "object",
      properties: {
        street_name: { type: "string" },
        count: { type: "integer", default: 2 },
        weight: { type: "number" },
        express: { type: "boolean" },
        size: { type: "string", enum: ["S", "M"] },
        extra: { type: "object", default: { a: 1 } },
      },
      required: ["street_name"],
    });
    expect(decision).toBeUndefined();
    expect(names(fields)).toEqual([
      "street_name: text",
      "count: number",
      "weight: number",
      "express: boolean",
      "size: choice",
      "extra: json",
    ]);
    expect(fields.map(({ label, required, initial }) => [label, required, initial])).toEqual([
      ["Street name", true, ""],
      ["Count", false, "2"],
      ["Weight", false, ""],
      ["Express", false, ""],
      ["Size", false, ""],
      ["Extra", false, '{\n  "a": 1\n}'],
    ]);
  });

  test.each([undefined, null, "a schema", { type: "string" }])("without properties (%j) is one field", (schema) => {
    expect(formOf(schema)).toMatchObject({ decision: undefined, bare: true, fields: [{ kind: "text" }] });
  });
});

describe("an answer in words", () => {
  const note = answerSchema({ title: "Milk", text: "Buy milk" });
  test.each([
    [note, { decision: "approve" }, "Approved"],
    [note, { decision: "edit", text: "Buy oat milk" }, "Approved with changes\nText: Buy oat milk"],
    [note, { decision: "reject", reason: "Enough." }, "Rejected\nReason: Enough."],
    [{ type: "object", properties: { approved: { type: "boolean" } } }, { approved: false }, "Rejected"],
    [{ type: "object", properties: { floor: { type: "integer" } } }, { floor: 3 }, "Floor: 3"],
    [undefined, "Ann", "Ann"],
    [{ type: "boolean" }, true, "Yes"],
  ])("%j, %j", (schema, payload, words) => {
    expect(inWords(formOf(schema), { interruptId: "i", status: "resolved", payload })).toBe(words);
  });

  test("of a question that was skipped", () => {
    expect(inWords(formOf(note), { interruptId: "i", status: "cancelled" })).toBe("Skipped");
  });
});

describe("an answer", () => {
  const field = (kind: Field["kind"], more: Partial<Field> = {}): Field => ({
    name: "f",
    kind,
    choices: [],
    label: "Field",
    hint: undefined,
    required: false,
    integer: false,
    initial: "",
    ...more,
  });

  test.each([
    ["text", "hi", "hi"],
    ["text", " ", undefined],
    ["number", "2.5", 2.5],
    ["number", "", undefined],
    ["boolean", "true", true],
    ["boolean", "", false],
    ["json", '{"a":[1]}', { a: [1] }],
    ["choice", "M", "M"],
  ] as const)("of the kind %s from %j", (kind, typed, value) => {
    expect(answerOf(field(kind), typed)).toEqual(value);
  });

  test.each([
    [field("text", { required: true }), "", "Field is required."],
    [field("number"), "two", "Field must be a number."],
    [field("number", { integer: true }), "2.5", "Field must be a whole number."],
    [field("json"), "{", "Field must be JSON."],
  ])("that does not fit says so", (asked, typed, message) => {
    expect(() => answerOf(asked, typed)).toThrow(message);
  });
});
