/** The doctor's score on agents and servers that it was not written for. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { examine } from "../../src/doctor/doctor.ts";
import { AGENTS, HEALTHY, SERVERS } from "../doctor/corpus/cases.ts";
import { SITES } from "../doctor/corpus/servers.ts";
import type { Found, GraphCase } from "../doctor/examine.ts";
import { type ModelEndpoint, modelEndpoint } from "../doctor/model-endpoint.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const endpoints: ModelEndpoint[] = [];
const found: Record<string, string[]> = {};

/** Returns the first verdict other than `late-first-token`. */
const first = (codes: readonly string[]) => codes.find((code) => code !== "late-first-token") ?? "none";

async function examineAgents(): Promise<void> {
  const cases: GraphCase[] = [];
  for (const [name, { graph, pace = {} }] of Object.entries(AGENTS)) {
    const endpoint = await modelEndpoint(pace);
    endpoints.push(endpoint);
    cases.push({ name, modelUrl: endpoint.baseUrl, target: `${here("../doctor/corpus/graphs.mjs")}:${graph}` });
  }
  const args = ["--import", "tsx", here("../doctor/examine.ts"), JSON.stringify(cases)];
  // The file makes its models when it is loaded, each time anew.
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 24 });
  const all = JSON.parse(stdout) as Record<string, Found[]>;
  for (const [name, verdicts] of Object.entries(all)) found[name] = verdicts.map(({ code }) => code);
}

async function examineServer(name: keyof typeof SITES): Promise<void> {
  const site = await SITES[name]();
  const { verdicts } = await examine({
    target: site.url,
    agent: undefined,
    configFile: undefined,
    message: "How does a river find the sea?",
    input: undefined,
    firstTokenMs: 10_000,
    timeoutMs: 15_000,
    expectReasoning: false,
    cwd: tmpdir(),
    packageRoot: tmpdir(),
  });
  site.close();
  found[name] = verdicts.map(({ code }) => code);
}

async function examineServers(): Promise<void> {
  const names = Object.keys(SITES) as (keyof typeof SITES)[];
  for (let from = 0; from < names.length; from += 4) await Promise.all(names.slice(from, from + 4).map(examineServer));
}

// One after the other, because an endpoint in a busy process is late and hides the fault.
beforeAll(async () => {
  await examineAgents();
  await examineServers();
}, 180_000);
afterAll(() => Promise.all(endpoints.map((endpoint) => endpoint.close())));

const right = (codes: string | readonly string[]) => (typeof codes === "string" ? [codes] : codes);
const ALL = [
  ...Object.entries(AGENTS).map(([name, { right: codes }]) => [name, right(codes)] as const),
  ...Object.entries(SERVERS).map(([name, codes]) => [name, right(codes)] as const),
];

describe("the doctor's verdict", () => {
  test.each(ALL)("%s", (name, codes) => {
    expect(codes).toContain(first(found[name] ?? []));
  });

  test("is counted in the documentation", () => {
    const page = readFileSync(here("../../docs/why-tokens-dont-stream.md"), "utf8");
    const healthy = (codes: readonly string[]) => codes.some((code) => HEALTHY.has(code as never));
    const agents = Object.values(AGENTS).map(({ right: codes }) => healthy(right(codes)));
    const servers = Object.values(SERVERS).map((codes) => healthy(right(codes)));
    for (const [what, all] of [
      ["agents", agents],
      ["servers", servers],
    ] as const) {
      const well = all.filter(Boolean).length;
      expect(page).toContain(`| ${well} ${what} that stream | ${well} |`);
      expect(page).toContain(`| ${all.length - well} ${what} that do not | - | ${all.length - well} |`);
    }
  });

  test("is never an alarm where nothing is wrong", () => {
    const healthy = ALL.filter(([, codes]) => codes.some((code) => HEALTHY.has(code as never)));
    expect(healthy.filter(([name]) => !HEALTHY.has(first(found[name] ?? []) as never))).toEqual([]);
  });
});
