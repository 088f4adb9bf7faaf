/**
 * The blocks with data: JSON that is compared with the real shape, settings files, and other programs' configuration.
 */
import { parse as parseEnv } from "dotenv";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { createSluice } from "../../src/app/sluice.ts";
import { parseAgents } from "../../src/config/agents.ts";
import { settings as known, modelKind, readSettings } from "../../src/config/settings.ts";
import { OPERATIONS } from "../../src/server/documents/operations.ts";
import { SHAPES } from "../../src/server/documents/schemas.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { blocksOf, codeBlock, NOT_RUN, rowFor } from "./code-blocks.ts";

const JSON_BLOCKS: Readonly<Record<string, (json: string) => unknown>> = {
  "README.md › Quick start 3": (json) => SHAPES.ChatAnswer.parse(JSON.parse(json)),
  "docs/audit.md › What it looks for": (json) => parseAgents("agents.json", json),
  "docs/graphs.md › Subagents": (json) => parseAgents("agents.json", json),
  "docs/settings.md › config/agents.json": (json) => parseAgents("agents.json", json),
  "docs/operating.md › Logs": async (json) => {
    const shown = JSON.parse(json) as object;
    expect(Object.keys(shown)).toEqual(Object.keys(await runsLine()));
  },
};

test.each(blocksOf("json"))("%s has the shape that it shows", async (id, { code }) => {
  await rowFor(JSON_BLOCKS, id)(code);
});

describe("docs/agents.md › Using your own model", () => {
  test.each(codeBlock("docs/agents.md › Using your own model").code.split(/^#.*\n/m))(
    "are settings that choose a model: %j",
    (lines) => {
      const env = parseEnv(lines);
      for (const name of Object.keys(env)) expect(Object.keys(known.shape)).toContain(name);
      const settings = readSettings(env);
      expect(modelKind(settings)).toBe("openai");
      expect(settings.OPENAI_MODEL).toBe(env.OPENAI_MODEL);
    },
  );
});

const YAML_BLOCKS: Readonly<Record<string, (yaml: unknown) => void>> = {
  "docs/operating.md › Metrics": (yaml) =>
    expect(yaml).toEqual({
      scrape_configs: [
        {
          job_name: "sluice",
          authorization: { credentials: "<METRICS_TOKEN>" },
          static_configs: [{ targets: ["127.0.0.1:8123"] }],
        },
      ],
    }),
  "docs/deploying.md › Kubernetes": (yaml) => {
    const { spec } = (yaml as { spec: { template: { spec: PodSpec } } }).spec.template;
    const [{ env, lifecycle, ...probes }] = spec.containers;
    expect(env.map(({ name }) => name).filter((name) => !(name in known.shape))).toEqual([]);
    const paths = [probes.readinessProbe, probes.livenessProbe].map(({ httpGet }) => httpGet.path);
    expect(paths.filter((path) => !OPERATIONS.some((operation) => operation.path === path))).toEqual([]);
    const waits = Number(lifecycle.preStop.exec.command[1]) + readSettings({}).DRAIN_SECONDS;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(waits);
  },
};

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [
    {
      readonly env: readonly { readonly name: string }[];
      readonly readinessProbe: { readonly httpGet: { readonly path: string } };
      readonly livenessProbe: { readonly httpGet: { readonly path: string } };
      readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
    },
  ];
}

test.each(blocksOf("yaml"))("%s is what its reader needs", (id, { code }) => {
  rowFor(YAML_BLOCKS, id)(parseYaml(code));
});

test("docs/deploying.md › systemd gives a process the time that it needs to stop, and settings that there are", () => {
  const unit = parseEnv(codeBlock("docs/deploying.md › systemd").code);
  expect(Number(unit.TimeoutStopSec)).toBeGreaterThan(readSettings({}).DRAIN_SECONDS);
  expect((unit.Environment?.split("=")[0] as string) in known.shape).toBe(true);
  expect(unit.ExecStart).toMatch(/ sluice serve$|\/sluice serve$/);
});

test("a reason for not running a block belongs to one that is there", () => {
  expect(blocksOf("not run").map(([id]) => id)).toEqual(Object.keys(NOT_RUN));
});

/** Returns the line that a run writes to the log. */
async function runsLine(): Promise<object> {
  const lines: object[] = [];
  const note = (entry: object, msg: string) => void lines.push({ ...entry, msg });
  const logger = { debug: note, info: note, warn: note, error: note };
  const usage_metadata = { input_tokens: 7, output_tokens: 3, total_tokens: 10 };
  const model = new SteppedModel().chunk({ content: "one", usage_metadata }).end();
  const sluice = createSluice({ agents: { it: chatGraph(model) }, logger });
  await (await sluice.runs.start({ messages: [{ id: "1", role: "user", content: "hi" }] })).result;
  await sluice.close();
  const line = lines.find((entry) => "outcome" in entry);
  if (!line) throw new Error(`No run is in ${JSON.stringify(lines)}.`);
  // The fields that pino writes at the start of every line.
  return { level: 30, time: 0, ...line };
}
