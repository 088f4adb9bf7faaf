import { ChatOpenAI } from "@langchain/openai";

/** The model's address and name. */
export interface OpenAIModelOptions {
  /** The key. Optional when `baseUrl` is set: servers such as Ollama or vLLM ask for none. */
  apiKey?: string | undefined;
  /** Any OpenAI-compatible endpoint, with its `/v1`. Default: OpenAI's own. */
  baseUrl?: string | undefined;
  /** The model's name at that endpoint. */
  model: string;
  /** Speak the Responses API instead of Chat Completions. Default: false. */
  useResponsesApi?: boolean | undefined;
}

const OPENAI = "https://api.openai.com/v1";

/**
 * A chat model of OpenAI's API, or of any server that speaks it, that streams and reports its usage.
 *
 * @throws if there is neither an `apiKey` nor a `baseUrl`
 */
export function openaiModel({ apiKey, baseUrl, model, useResponsesApi = false }: OpenAIModelOptions): ChatOpenAI {
  if (!apiKey && !baseUrl) throw new Error("An OpenAI model needs an API key or a base URL.");
  return new ChatOpenAI({
    model,
    useResponsesApi,
    streaming: true,
    streamUsage: true,
    // Only the request is retried, before the first token. A broken answer is never started again.
    maxRetries: 2,
    // Both are always given: where one is missing, the SDK would look for it in the environment.
    apiKey: apiKey || "none",
    configuration: { baseURL: baseUrl || OPENAI },
  });
}
