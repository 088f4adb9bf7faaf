/** The digest of an input that starts a run. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { canonicalJson } from "../../src/protocol/json-text.ts";
import { bodyHash } from "../../src/runs/beginning.ts";

it("is that of the canonical text, and leaves turns of the event loop to others while a long history is read", async () => {
  const messages = Array.from({ length: 1_000 }, (_, index) => ({
    id: `m${index}`,
    role: "user" as const,
    content: "x".repeat(1_000),
  }));
  const input = { threadId: "t", runId: "r", messages, tools: [], context: [] };
  let turns = 0;
  let goesOn = true;
  const count = () => {
    turns += 1;
    if (goesOn) setImmediate(count);
  };
  setImmediate(count);
  const hash = await bodyHash("chat", input);
  goesOn = false;
  expect(hash).toBe(
    createHash("sha256")
      .update(canonicalJson(["chat", input]))
      .digest("base64url"),
  );
  expect(turns).toBeGreaterThanOrEqual(15);
});
