/** What the demo model tells a person about the analysis of their portfolio. Every figure is the analysis's own. */
import type { PerformanceFigures, RiskFigures } from "../portfolio/figures.ts";
import type { Concerns, Portfolio, Recommendations, Remarks } from "../portfolio/forms.ts";
import type { Language } from "./demo-languages.ts";
import { type Wording, wordingIn } from "./demo-phrases/wording.ts";

/** What the last node is given of the nodes before it. */
export interface Analysis {
  readonly portfolio: Portfolio;
  readonly risk: RiskFigures & Concerns;
  readonly performance: PerformanceFigures & Remarks;
  readonly recommendations: Recommendations["recommendations"];
}

/** `analysis`: null when there was no portfolio to analyze. */
export function advice(analysis: Analysis | null, voice: string, language: Language): string {
  const say = wordingIn(language);
  const hello = say.hello[voice] ?? say.hello.banker ?? "";
  const disclaimer = `*${say.disclaimer}*`;
  if (!analysis) return paragraphs([hello, say.ask, disclaimer]);
  const { portfolio, risk, performance, recommendations } = analysis;
  return paragraphs([
    portfolio.origin === "sample" ? say.sample : "",
    hello,
    say.join(size(risk, say)),
    risk.level === null ? "" : say.risk(say.levels[risk.level] ?? risk.level, say.number(risk.effectiveHoldings)),
    risk.concerns.map(({ why }) => `- ${why}`).join("\n"),
    say.join(outcome(performance, say)),
    say.consider[voice] ?? say.consider.banker ?? "",
    recommendations.map(({ why }, index) => `${index + 1}. ${why}`).join("\n"),
    say.join(risk.assumptions.map(({ kind, about }) => say.assumptions[kind]?.(about.join(", ")) ?? "")),
    say.bye[voice] ?? say.bye.banker ?? "",
    disclaimer,
  ]);
}

function size({ level, total, currency, weights }: RiskFigures, say: Wording): string[] {
  if (level === null) return [say.unvalued];
  const all = total === null ? say.shares(weights.length) : say.worth(say.money(total, currency), weights.length);
  const [largest, ...others] = weights;
  return largest && others.length > 0 ? [all, say.largest(largest.name, say.percent(largest.weight))] : [all];
}

function outcome({ total, currency, remarks }: PerformanceFigures & Remarks, say: Wording): string[] {
  const reasons = remarks.map(({ why }) => why);
  if (!total) return [say.noResult, ...reasons];
  const [invested, value, gain] = [
    say.money(total.invested, currency),
    say.money(total.value, currency),
    say.gain(total.gain, currency),
  ];
  return [say.result(invested, value, gain, say.signed(total.gainPercent)), ...reasons];
}

function paragraphs(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n\n");
}
