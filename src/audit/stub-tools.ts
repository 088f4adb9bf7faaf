/** Puts a stub in the place of every tool, at LangChain's base class: it answers with a word, and does nothing. */
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
  /** Runs what is real; the network is open to it. */
  within<T>(run: () => T): T;
}

interface Tool {
  readonly name: string;
  readonly responseFormat?: string;
  _call?: unknown;
}

/** Until what it returns is called. */
export async function stubTools(file: string, stubs: Stubs): Promise<() => void> {
  const undo = [...(await prototypesFor(file, TOOLS))].map((base) => {
    const call = base.call as Method;
    return replaceMethod(base, "call", (own, args) => {
      const tool = own as Tool;
      if (stubs.real.includes(tool.name)) return stubs.within(() => call.apply(own, args));
      // Another object with the same inside: the tool itself stays as it is.
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
