import type { Language } from "../demo-languages.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";
import { es } from "./es.ts";
import type { Phrases } from "./phrases.ts";
import { zh } from "./zh.ts";

const ALL: Readonly<Record<Language, Phrases>> = { en, de, es, zh };

/** A language's phrases, and how it writes figures. */
export interface Wording extends Phrases {
  /** Sentences, one after the other. */
  join(sentences: readonly string[]): string;
  number(value: number): string;
  /** Of a share from 0 to 1. */
  percent(share: number): string;
  /** A percentage with its sign. */
  signed(percent: number): string;
  money(amount: number, currency: string | null): string;
  /** Money with its sign. */
  gain(amount: number, currency: string | null): string;
}

/** What the demo model says in a language. */
export function wordingIn(language: Language): Wording {
  const write = (value: number, options: Intl.NumberFormatOptions) =>
    new Intl.NumberFormat(language, options).format(value);
  const money = (amount: number, currency: string | null, signDisplay: "auto" | "exceptZero") => {
    const options = { maximumFractionDigits: 0, signDisplay } as const;
    return write(
      amount,
      !currency || !/^[A-Z]{3}$/i.test(currency) ? options : { ...options, style: "currency", currency },
    );
  };
  return {
    ...ALL[language],
    join: (sentences) => sentences.join(language === "zh" ? "" : " "),
    number: (value) => write(value, { maximumFractionDigits: 1 }),
    percent: (share) => write(share, { style: "percent", maximumFractionDigits: 1 }),
    signed: (percent) =>
      write(percent / 100, { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" }),
    money: (amount, currency) => money(amount, currency, "auto"),
    gain: (amount, currency) => money(amount, currency, "exceptZero"),
  };
}
