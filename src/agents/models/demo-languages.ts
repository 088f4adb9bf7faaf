/** The languages that the demo model tells apart and can write. */
export type Language = "en" | "de" | "es" | "zh";

const WORDS: readonly [Language, RegExp][] = [
  ["zh", /\p{Script=Han}/gu],
  [
    "de",
    /(?<!\p{L})(?:und|mein|meine|mir|ich|ist|bitte|habe|wie|was|der|die|das|mit|für|aktien?|anleihen?|bargeld|depot|stück)(?!\p{L})|[äöüß]/giu,
  ],
  [
    "es",
    /(?<!\p{L})(?:y|mi|mis|cartera|acciones|bonos|efectivo|con|por|favor|tengo|qué|cómo|el|la|los|las|una?|euros)(?!\p{L})|[ñ¿¡]/giu,
  ],
  [
    "en",
    /(?<!\p{L})(?:and|my|is|the|what|how|please|shares?|stocks?|bonds?|cash|portfolio|with|of|i|have)(?!\p{L})/giu,
  ],
];

/** The language with most of its words in the text; English if it has none of any. */
export function languageOf(text: string): Language {
  const counted = WORDS.map(([language, words]) => ({ language, count: text.match(words)?.length ?? 0 }));
  return counted.reduce((a, b) => (b.count > a.count ? b : a), { language: "en" as Language, count: 0 }).language;
}

/** The one an instruction asks for: "Write in German (de)." */
export function orderedLanguage(instruction: string): Language {
  const code = /Write in [^()]*\((\w+)/.exec(instruction)?.[1];
  return WORDS.find(([language]) => language === code)?.[0] ?? "en";
}
