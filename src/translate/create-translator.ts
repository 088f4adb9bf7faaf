/** The translator of a run. */
import { Attributed } from "./attributed.ts";
import { RunTranslator } from "./run-translator.ts";
import type { Translator, TranslatorOptions } from "./translator.ts";

/** Returns a translator for one run. Its events are a legal AG-UI sequence, whatever the graph does. */
export function createTranslator(options: TranslatorOptions): Translator {
  const translator = new RunTranslator(options);
  if (!options.subagents) return translator;
  return new Attributed(translator, (toolRunId) => translator.tools.book.ofRun(toolRunId)?.id, options.carried?.owners);
}
