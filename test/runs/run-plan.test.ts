import { expect, test } from "vitest";
import { allowList } from "../../src/graph/allow-list.ts";
import { type RunPlan, requestOf } from "../../src/runs/run-plan.ts";
import { NOTHING_USED } from "../../src/runs/so-far.ts";

test("a run looks for subagents only if its agent reports them, or if its filter names them", () => {
  const asks = (subagents: boolean, list: RunPlan["allowList"]) => {
    const agent = { subagents, deadlines: {} };
    const plan = { agent, allowList: list, steering: {}, used: NOTHING_USED } as unknown as RunPlan;
    return requestOf(plan, () => {}).subagents;
  };
  const all = allowList({});
  expect(asks(false, all)).toBe(false);
  expect(asks(true, all)).toBe(true);
  expect(asks(false, all.narrow({ subagents: [] }))).toBe(true);
  expect(asks(false, all.narrow({ subagents: ["a"] }).narrow({ events: ["on_tool_*"] }))).toBe(true);
});
