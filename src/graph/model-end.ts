/** The end of a model's run, read from LangChain's result. */
import type { LLMResult } from "@langchain/core/outputs";
import { isRecord } from "../protocol/input.ts";
import { finishReasonIn, saysItStopped, usageIn, usageOf } from "../protocol/model-report.ts";

export interface ModelEnd {
  /** The result holds an answer. */
  readonly readable: boolean;
  /** The finish reason, as the provider named it. */
  readonly finishReason: string | undefined;
  /** The provider said that the model stopped. */
  readonly stopped: boolean;
  /** The tokens that the call used, as LangChain's `usage_metadata` has it. */
  readonly usage: unknown;
}

export function modelEnd({ generations, llmOutput }: LLMResult): ModelEnd {
  const generation: unknown = generations[0]?.[0];
  const { generationInfo, message } = isRecord(generation) ? generation : {};
  const said = isRecord(message) ? message : {};
  // ChatAnthropic's chunks have it in additional_kwargs.
  const places = [generationInfo, said.response_metadata, said.additional_kwargs].filter(isRecord);
  return {
    readable: isRecord(generation),
    finishReason: places.map(finishReasonIn).find((reason) => reason !== undefined),
    stopped: places.some(saysItStopped),
    usage: usageOf(said) ?? usageIn(llmOutput ?? {}),
  };
}
