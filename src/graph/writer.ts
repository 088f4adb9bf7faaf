/** The writer that a graph's nodes and tools get as `config.writer`. */
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { isRecord } from "../protocol/input.ts";
import { written } from "./normalize.ts";

/** The part of LangChain's callback manager that is needed. Structural, so that another copy of LangChain fits too. */
interface Callbacks {
  getParentRunId(): string | undefined;
  handleCustomEvent(name: string, data: unknown, runId: string): Promise<unknown>;
}

/**
 * LangGraph's own writer reports a value as the outermost graph's, whichever graph wrote it, and a filter cannot hold it
 * then. This one dispatches the value as a custom event of the node or tool that writes it. `unplaced` gets a value that is
 * written outside LangChain's asynchronous context, where nothing shows what wrote it. `failed` gets what goes wrong: the
 * node that writes is not at fault.
 */
export function placedWriter(
  unplaced: (value: unknown) => void,
  failed: (error: unknown) => void,
): (value: unknown) => void {
  return (value) => {
    const config: unknown = AsyncLocalStorageProviderSingleton.getRunnableConfig();
    const callbacks = isRecord(config) && isCallbacks(config.callbacks) ? config.callbacks : undefined;
    const runId = callbacks?.getParentRunId();
    const { name, data } = written(value);
    if (callbacks && runId !== undefined) {
      callbacks.handleCustomEvent(name, data, runId).catch(failed);
      return;
    }
    try {
      unplaced(value);
    } catch (error) {
      failed(error);
    }
  };
}

function isCallbacks(value: unknown): value is Callbacks {
  if (typeof value !== "object" || value === null) return false;
  const { getParentRunId, handleCustomEvent } = value as Partial<Record<keyof Callbacks, unknown>>;
  return typeof getParentRunId === "function" && typeof handleCustomEvent === "function";
}
