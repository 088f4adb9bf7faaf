/**
 * A process that examines several graphs, as `sluice doctor` does with one. Its input is the cases and its output the
 * findings.
 */
import { fileURLToPath } from "node:url";
import { type Examination, examine } from "../../src/doctor/doctor.ts";
import type { Verdict } from "../../src/doctor/verdict.ts";

export interface GraphCase extends Partial<Examination> {
  readonly name: string;
  /** The URL of the model. */
  readonly modelUrl: string;
}

export type Found = Pick<Verdict, "code" | "kind" | "sentence"> & { readonly evidence: Record<string, string> };

const root = fileURLToPath(new URL("../..", import.meta.url));
const found: Record<string, Found[]> = {};
for (const { name, modelUrl, ...examination } of JSON.parse(process.argv[2] ?? "[]") as GraphCase[]) {
  process.env.MODEL_URL = modelUrl;
  const { verdicts } = await examine({
    target: undefined,
    agent: undefined,
    configFile: undefined,
    message: "How does a river find the sea?",
    input: undefined,
    firstTokenMs: 10_000,
    timeoutMs: 15_000,
    expectReasoning: false,
    cwd: root,
    packageRoot: root,
    ...examination,
  });
  found[name] = verdicts.map(({ code, kind, sentence, evidence }) => {
    return { code, kind, sentence, evidence: Object.fromEntries(evidence) };
  });
}
process.stdout.write(JSON.stringify(found), () => process.exit());
