/** Replaces every tool by a stub, at LangChain's base class. The stub only answers with a word. */
import { type Method, prototypesFor, replaceMethod } from "../doctor/langchain-classes.ts";
import { token } from "./canary.ts";
import { auditError } from "./staged-error.ts";

const TOOLS = { "@langchain/core/tools": "StructuredTool" } as const;

export interface Stubs {
  /** The words in results, by tool. */
  readonly words: Map<string, string>;
  readonly real: readonly string[];
  /** Have tools fail. */
  failing: boolean;
  /** Runs a real tool with access to the network. */
  within<T>(run: () => T): T;
}

interface Tool {
  readonly name: string;
  readonly responseFormat?: string;
  _call?: unknown;
}

/** Replaces the tools until the returned function is called. */
export async function stubTools(file: string, stubs: Stubs): Promise<() => void> {
  const undo = [...(await prototypesFor(file, TOOLS))].map((base) => {
    const call = base.call as Method;
    return replaceMethod(base, "call", (own, args) => {
      const tool = own as Tool;
      if (stubs.real.includes(tool.name)) return stubs.within(() => call.apply(own, args));
      // A new object with the tool as its prototype, so that the tool itself is not changed.
      const stub = Object.create(own, { _call: { value: async () => result(tool, stubs) } }) as object;
      return call.apply(stub, args);
    });
  });
  return () => {
    for (const back of undo) back();
  };
}

function result({ name, responseFormat }: Tool, { words, failing }: Stubs): unknown {
  if (failing) throw auditError(`${name} failed`);
  const word = words.get(name) ?? token("result");
  words.set(name, word);
  const text = `The audit's result is ${word}.`;
  return responseFormat === "content_and_artifact" ? [text, { word }] : text;
}
