import { expect, it } from "vitest";
import { parseNarrowing } from "../../src/server/narrowing.ts";

it("a connection cannot take reasoning out of the langgraph format, and learns who can", () => {
  expect(() => parseNarrowing({ format: "langgraph", reasoning: "false" })).toThrow(
    expect.objectContaining({ code: "bad_request", message: expect.stringMatching(/reasoning.*run.*agent/) }),
  );
  expect(parseNarrowing({ format: "langgraph" })).toMatchObject({ reasoning: true });
  expect(parseNarrowing({ format: "agui", reasoning: "false" })).toMatchObject({ reasoning: false });
});
