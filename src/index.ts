/** The public API of `langgraph-sluice`. Importing it reads no environment and starts nothing. */

export { type ConnectedStorage, connectStorage, type StorageOptions } from "./app/embedded-storage.ts";
export { type FetchClient, type FetchHandler, toFetchHandler } from "./app/fetch-handler.ts";
export type { RunIds, RunStart, Runs, StartedRun } from "./app/runs.ts";
export {
  type AgentOptions,
  createSluice,
  type GraphLike,
  type Identity,
  type Sluice,
  type SluiceOptions,
} from "./app/sluice.ts";
export { frontendContext, frontendToolChoice, frontendTools, pendingCalls } from "./authoring/frontend-tools.ts";
export { completeHistory } from "./authoring/history.ts";
export { type InjectedMessages, injectedMessages, type Taking, takeInjected } from "./authoring/injected.ts";
export type { AgentSettings } from "./config/agents.ts";
export { ConfigError } from "./config/config-error.ts";
export type { SettingOptions } from "./config/options.ts";
export type { ServedGraph } from "./graph/source.ts";
export type { Logger } from "./ops/logger.ts";
export type { AllowListSpec } from "./protocol/allow-list-spec.ts";
export { ERRORS, type ErrorCode, SluiceError } from "./protocol/errors.ts";
export type { AguiEvent, Interrupt, Message, RunAgentInput, TokenUsage } from "./protocol/events.ts";
export {
  DEFAULT_ALLOWED_EVENTS,
  GRAPH_EVENT_NAMES,
  type GraphEvent,
  type GraphEventName,
} from "./protocol/graph-event.ts";
export type { Requester, User } from "./runs/handle.ts";
export type { RunResult } from "./server/result.ts";
export type { RunRecord, RunStatus, Store, ThreadPage, ThreadRecord, ThreadSummary } from "./store/store.ts";
export { createTranslator } from "./translate/create-translator.ts";
export type { NodeRules, RunEnd, Translator, TranslatorOptions } from "./translate/translator.ts";
