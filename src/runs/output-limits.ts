/** The bounds on the output of an agent's models, where each is set, and the error when one is passed. */
import type { OutputLimits } from "../graph/output-bounds.ts";
import type { ServedAgent } from "../graph/registry.ts";
import { SluiceError } from "../protocol/errors.ts";

export type OutputLimit = keyof OutputLimits;

export function outputLimitsOf(agent: ServedAgent): OutputLimits {
  return {
    callArgumentBytes: agent.maxToolArgumentBytes,
    runArgumentBytes: agent.maxRunArgumentBytes,
    runTokens: agent.maxRunTokens,
  };
}

/** The setting of each, or the agent's own field. */
export const OUTPUT_SETTINGS: Readonly<Record<OutputLimit, string>> = {
  callArgumentBytes: "maxToolArgumentBytes",
  runArgumentBytes: "MAX_RUN_ARGUMENT_BYTES",
  runTokens: "MAX_RUN_TOKENS",
};

export function tooMuchOutput(limit: OutputLimit, most: number): SluiceError {
  return new SluiceError("model_error", SENTENCES[limit](most));
}

const SENTENCES: Readonly<Record<OutputLimit, (most: number) => string>> = {
  callArgumentBytes: (most) =>
    `A model call streamed more than ${most} bytes of tool-call arguments: maxToolArgumentBytes of the agent.`,
  runArgumentBytes: (most) =>
    `The run's models streamed more than ${most} bytes of tool-call arguments: MAX_RUN_ARGUMENT_BYTES.`,
  runTokens: (most) => `The run's models gave more than ${most} tokens: MAX_RUN_TOKENS.`,
};
