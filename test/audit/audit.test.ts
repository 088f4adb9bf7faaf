/** The audit's findings in graphs with a leak, and in graphs without. */
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { type Audit, audit } from "../../src/audit/audit.ts";
import { DOORS } from "../../src/audit/doors.ts";
import { checkAgents } from "../../src/config/agents.ts";
import { hideEnvironment } from "../../src/config/secrets.ts";
import { readSettings } from "../../src/config/settings.ts";
import type { ServedGraph } from "../../src/graph/source.ts";
import { type Case, CLEAN, LEAKING } from "./graphs.ts";

const ENVIRONMENT = { AUDITED_PASSPORT: "CANARYpassport7f3a9c", AUDITED_API_KEY: "CANARYkey1b2c3d4e5f" };

beforeAll(() => {
  Object.assign(process.env, ENVIRONMENT);
  hideEnvironment();
  return () => {
    for (const name of Object.keys(ENVIRONMENT)) delete process.env[name];
  };
});

function audited({ graph, entry = {}, settings = {} }: Case): Promise<Audit> {
  const { mine } = checkAgents("test", { agents: { mine: { graph: "g", ...entry } } }).agents;
  if (!mine) throw new Error("There is no entry.");
  const file = fileURLToPath(import.meta.url);
  return audit(
    { name: "mine", entry: mine, settings: readSettings(settings), filters: {}, graph: graph as ServedGraph, file },
    {
      message: "What is the weather like?",
      realModel: false,
      realTools: [],
      environment: Object.entries(ENVIRONMENT).map(([name, text]) => ({ kind: "environment", name, texts: [text] })),
      timeoutMs: 20_000,
    },
  );
}

describe("it finds", () => {
  it.each(Object.entries(LEAKING))("%s", async (_, [leak, line, planted]) => {
    const { leaks } = await audited(planted);
    const forbidden = leaks.filter(({ allowed }) => !allowed);
    expect(forbidden.map(({ canary }) => canary)).toEqual([leak]);
    expect(forbidden[0]?.lines).toContain(line);
    expect(forbidden[0]?.doors).not.toEqual([]);
  });
});

describe("it finds nothing in", () => {
  it.each(Object.entries(CLEAN))("%s", async (_, clean) => {
    const { leaks, canaries, doors } = await audited(clean);
    expect(leaks.filter(({ allowed }) => !allowed)).toEqual([]);
    expect(canaries.environment).toBe(2);
    expect(doors).toEqual(Object.keys(DOORS));
  });
});
