/** The demo model as the nodes of a portfolio's analysis. Every figure is the analysis's own. */
import type { PerformanceFigures, RiskFigures } from "../portfolio/analysis.ts";
import type { Concerns } from "../portfolio/forms.ts";
import type { BoundTools } from "./demo-tools.ts";

type Analysis = Record<"risk", RiskFigures & Concerns> & Record<"performance", PerformanceFigures>;

/** By the kind of a concern: its condition, the reason, and the advice. */
const CONCERNS: Readonly<Record<string, readonly [(risk: RiskFigures) => boolean, string, string, string]>> = {
  volatile: [({ byKind: { crypto = 0 } }) => crypto > 0.1, "Little swings as much as crypto.", "reduce", "Reduce it."],
  few_holdings: [({ effectiveHoldings: n }) => n < 3, "Each of few holdings matters.", "diversify", "Spread it wider."],
  no_reserve: [({ byKind: { cash = 0 } }) => cash < 0.03, "There is hardly any cash.", "increase", "Build up cash."],
};

const HELLO: Readonly<Record<string, string>> = {
  banker: "Good day. Allow me to go through your portfolio with you.",
  captain: "Ahoy! Let us see what you have in the hold.",
  grandmother: "Sit down, my dear, and let me have a look at your money.",
  coach: "Listen up. Here is where we stand.",
};

const judged = (risk: RiskFigures) =>
  Object.entries(CONCERNS).flatMap(([kind, [worries, why, action, advice]]) =>
    risk.level && worries(risk) ? [{ kind, action, about: "all of it", why, advice }] : [],
  );

/** By the form's name, the values that fill it in. No rule here can read more of a message than plain code can. */
const FORMS: Readonly<Record<string, (figures: RiskFigures & Analysis) => Record<string, unknown>>> = {
  portfolio: () => ({ holdings: [], origin: "text", character: null }),
  concerns: (risk) => ({ concerns: judged(risk) }),
  remarks: () => ({ remarks: [] }),
  recommendations: ({ risk }) => ({ recommendations: judged(risk).map((each) => ({ ...each, why: each.advice })) }),
};

/** The call that fills in a form of the analysis, if that form is the only tool. */
export function portfolioForm(asked: string, tools: BoundTools) {
  const [name = ""] = tools.size === 1 ? tools.keys() : [];
  const fill = FORMS[name];
  return fill && { name, args: fill(JSON.parse(/<figures>\n(.*)\n<\/figures>/.exec(asked)?.[1] ?? "{}")) };
}

/** The answer to the user, if the request names a voice and has an analysis. */
export function portfolioAdvice(asked: string, orders: string): string | undefined {
  const voice = /^Speak as the (\w+)/.exec(orders)?.[1];
  const json = /^[\s\S]*<analysis>\n(.*)\n<\/analysis>/.exec(asked)?.[1];
  if (voice === undefined || json === undefined) return undefined;
  const analysis = JSON.parse(json) as Analysis | null;
  const found = analysis ? findings(analysis) : ["I found no holdings in your message. Try: AAPL 10 @ 180, now 210"];
  return [HELLO[voice] ?? HELLO.banker, ...found, "*This is no financial advice.*"].join("\n\n");
}

function findings({ risk, performance: { total } }: Analysis): string[] {
  const money = (value: number) => `${Math.round(value).toLocaleString("en")} ${risk.currency ?? ""}`.trim();
  const worth = risk.total === null ? "" : ` worth about ${money(risk.total)}`;
  const [{ name, weight } = { name: "nothing", weight: 0 }] = risk.weights;
  return [
    `You have ${risk.weights.length} holdings${worth}. The largest is ${name}, with ${(weight * 100).toFixed(1)}%.`,
    `The risk is **${risk.level ?? "unknown"}**. ${risk.concerns.map(({ why }) => why).join(" ")}`,
    total
      ? `You paid ${money(total.invested)}, and have ${money(total.value)} now: ${total.gainPercent}%.`
      : "How it has done I cannot know without what you paid and what it is worth now.",
    judged(risk)
      .map(({ advice }) => `- ${advice}`)
      .join("\n") || "Leave it as it is, and look again in half a year.",
  ];
}
