/** The doors of the audit are open: an audit that finds nothing has read what clients get. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { DOORS, LOG } from "../../src/audit/doors.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

/** Doors that say nothing of a run's messages. */
const SILENT = ["GET /agui/info", "GET /metrics", LOG];

let sluice: TestSluice;
beforeAll(async () => {
  const graph = chatGraph(new SteppedModel({ always: ["Every door ", "lets this out."] }));
  sluice = await startSluice({ agent: { graph } }, { LANGGRAPH_API: "true", AI_SDK_API: "true" });
});
afterAll(() => sluice.close());

it.each(Object.keys(DOORS).filter((door) => !SILENT.includes(door)))("%s", async (door) => {
  const visit = { url: sluice.url, agent: "agent", message: "hi", signal: AbortSignal.timeout(40_000), logged: [] };
  const frames = (await DOORS[door]?.(visit)) ?? [];
  expect(frames.join("\n")).toMatch(/lets this out/);
});
