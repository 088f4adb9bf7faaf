/** What the demo model tells a person about the analysis of their portfolio. Every figure is the analysis's own. */
import type { PerformanceFigures, RiskFigures } from "../portfolio/figures.ts";
import type { Concerns, Portfolio, Recommendations, Remarks } from "../portfolio/forms.ts";
import type { Language } from "./demo-languages.ts";
import { wordingIn } from "./demo-phrases/wording.ts";

/** What the last node is given of the nodes before it. */
export interface Analysis {
  readonly portfolio: Portfolio;
  readonly risk: RiskFigures & Concerns;
  readonly performance: PerformanceFigures & Remarks;
  readonly recommendations: Recommendations["recommendations"];
}

/** `analysis`: null when there was no portfolio to analyze. */
export function advice(analysis: Analysis | null, voice: string, language: Language): string {
  const phrases = wordingIn(language);
  const hello = phrases.hello[voice] ?? phrases.hello.banker ?? "";
  if (!analysis) return paragraphs([hello, phrases.ask, `*${phrases.disclaimer}*`]);
  const { portfolio, risk, performance, recommendations } = analysis;
  const { currency } = risk;
  const money = (amount: number) => phrases.money(amount, currency);
  const [largest] = risk.weights;
  const { total } = performance;
  return paragraphs([
    portfolio.origin === "sample" ? `${phrases.sample}\n\n${hello}` : hello,
    sentences(
      [
        risk.total === null
          ? phrases.shares(risk.weights.length)
          : phrases.worth(money(risk.total), risk.weights.length),
        largest && risk.weights.length > 1 ? phrases.largest(largest.name, phrases.percent(largest.weight)) : "",
      ],
      language,
    ),
    phrases.risk(phrases.levels[risk.level] ?? risk.level, phrases.number(risk.effectiveHoldings)),
    risk.concerns.map(({ why }) => `- ${why}`).join("\n"),
    sentences(
      [
        total
          ? phrases.result(
              money(total.invested),
              money(total.value),
              phrases.gain(total.gain, currency),
              phrases.signed(total.gainPercent),
            )
          : phrases.noResult,
        ...performance.remarks.map(({ why }) => why),
      ],
      language,
    ),
    `${phrases.consider[voice] ?? phrases.consider.banker}\n\n${recommendations.map(({ why }, index) => `${index + 1}. ${why}`).join("\n")}`,
    sentences(
      risk.assumptions.map(({ kind, about }) => phrases.assumptions[kind]?.(about.join(", ")) ?? ""),
      language,
    ),
    phrases.bye[voice] ?? phrases.bye.banker ?? "",
    `*${phrases.disclaimer}*`,
  ]);
}

function sentences(parts: readonly string[], language: Language): string {
  return parts.filter((part) => part !== "").join(language === "zh" ? "" : " ");
}

function paragraphs(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n\n");
}
