/** The public API of `langgraph-sluice`. Importing it reads no environment and starts nothing. */

export type { AllowListSpec } from "./protocol/allow-list-spec.ts";
export { ERRORS, type ErrorCode, SluiceError } from "./protocol/errors.ts";
export type { AguiEvent, Interrupt, Message, RunAgentInput } from "./protocol/events.ts";
export {
  DEFAULT_ALLOWED_EVENTS,
  GRAPH_EVENT_NAMES,
  type GraphEvent,
  type GraphEventName,
} from "./protocol/graph-event.ts";
export { createTranslator } from "./translate/run-translator.ts";
export type { NodeRules, RunEnd, Translator, TranslatorOptions } from "./translate/translator.ts";
