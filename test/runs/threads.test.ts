import { expect, it } from "vitest";
import { MemoryLog } from "../../src/log/memory.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import { Threads } from "../../src/runs/threads.ts";
import { ALONE } from "../../src/store/instances.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import type { BegunRun } from "../../src/store/store.ts";

it("a reader looks only a few times for an active run whose beginning does not come into the log", async () => {
  const log = new MemoryLog({ maxEvents: 10, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 });
  const run = { threadId: "t", runId: "r", status: "active", from: await log.open(threadTopic("t")) };
  let looks = 0;
  const elsewhere = async () => {
    looks += 1;
    return run as unknown as BegunRun;
  };
  const threads = new Threads({
    store: new MemoryStore(10, () => {}),
    log,
    instances: { ...ALONE, elsewhere },
    active: { confirmed: async () => undefined, handedOver: [] },
    takeUps: { of: () => undefined },
  });
  expect(await threads.snapshot("t")).toMatchObject({ messages: [], active: undefined });
  expect(looks).toBeGreaterThan(1);
  expect(looks).toBeLessThan(12);
});
