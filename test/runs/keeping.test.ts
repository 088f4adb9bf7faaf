import { expect, it } from "vitest";
import { Keeping } from "../../src/runs/keeping.ts";
import { Gate } from "./scripted.ts";

it("a write of the transcript that failed is made again before the graph's memory is stored", async () => {
  const gate = new Gate();
  const writes: (() => Promise<void>)[] = [
    () => gate.opened.then(() => Promise.reject(new Error("reset"))),
    async () => {},
    () => Promise.reject(new Error("away")),
  ];
  const keeping = new Keeping("t", () => (writes.shift() as () => Promise<void>)());

  keeping.nodeEnded(true);
  const storing = keeping.storing("t");
  gate.open();
  await storing;
  await keeping.storing("t"); // Nothing new to write.
  expect(writes).toHaveLength(1);

  keeping.nodeEnded(false);
  await expect(keeping.storing("t")).rejects.toThrow("away");
});
