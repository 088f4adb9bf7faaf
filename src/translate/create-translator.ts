/** The translator of a run. */
import { RunTranslator } from "./run-translator.ts";
import type { Translator, TranslatorOptions } from "./translator.ts";

/** Returns a translator for one run. Its events are a legal AG-UI sequence, whatever the graph does. */
export function createTranslator(options: TranslatorOptions): Translator {
  return new RunTranslator(options);
}
