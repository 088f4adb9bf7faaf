/** The translator of a run. */
import { RunTranslator } from "./run-translator.ts";
import type { Translator, TranslatorOptions } from "./translator.ts";

export function createTranslator(options: TranslatorOptions): Translator {
  return new RunTranslator(options);
}
