/** The code block in the documents that needs these packages is type-checked, like those in test/package. */
import { expect, test } from "vitest";
import { complaintsElsewhere, TYPED_ELSEWHERE } from "../documents/typed.ts";

const ids = Object.keys(TYPED_ELSEWHERE).filter((id) => TYPED_ELSEWHERE[id]?.modules === "test/clients");

test.each(ids)("%s has the types of its libraries", { timeout: 120_000 }, async (id) => {
  expect(await complaintsElsewhere(id)).toBe("");
});
