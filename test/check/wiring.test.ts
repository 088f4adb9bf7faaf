/** Tests the check of a graph's wiring: its events reach its clients, and it stops when its run is stopped. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Check } from "../../src/doctor/spread.ts";
import { type ModelEndpoint, modelEndpoint } from "../doctor/model-endpoint.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const PROBLEMS: Readonly<Record<string, readonly RegExp[]>> = {
  good: [],
  asking: [],
  callbacksReplaced: [/every model call is seen: not that of node chat/, /unseen-model-call/],
  contextLost: [
    /was made outside of the run/,
    /unseen-model-call/,
    /stopping a run stops its requests: .* goes on: hand it config\.signal/,
  ],
  innerState: [/not that of node wrapper/, /every node is seen: not wrapper\/writer/, /state-snapshots/],
  playedModel: [/fake-streaming/, /stopping a run stops its requests: .* goes on: hand it config\.signal/],
  forgetful: [/checkpointer/, /run-failed/, /it has no checkpointer/],
};

let model: ModelEndpoint;
let found: Record<string, Check[]>;

beforeAll(async () => {
  model = await modelEndpoint();
  const targets = Object.keys(PROBLEMS).map((name) => `${here("../doctor/graphs/graphs.mjs")}:${name}`);
  const env = { ...process.env, MODEL_URL: model.baseUrl };
  const args = ["--import", "tsx", here("wiring-process.ts"), ...targets];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 1 << 24 });
  found = JSON.parse(stdout) as Record<string, Check[]>;
});
afterAll(() => model.close());

test.each(Object.entries(PROBLEMS))("%s", (name, problems) => {
  const checks = found[name] ?? [];
  expect(checks).toHaveLength(7);
  const failed = checks.filter(({ passed }) => !passed).map((check) => `${check.name}: ${check.found}`);
  expect(failed).toEqual(problems.map((pattern) => expect.stringMatching(pattern)));
});
