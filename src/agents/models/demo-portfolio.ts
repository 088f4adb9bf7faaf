/** How the demo model plays the nodes of a portfolio's analysis: it fills in their forms, and tells what came of it. */
import { type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import type { PerformanceFigures, RiskFigures } from "../portfolio/figures.ts";
import type { Concerns, Recommendations, Remarks } from "../portfolio/forms.ts";
import type { BoundTools, PlannedCall } from "./demo-calls.ts";
import { holdingsIn } from "./demo-holdings.ts";
import { languageOf, orderedLanguage } from "./demo-languages.ts";
import { type Wording, wordingIn } from "./demo-phrases/wording.ts";
import { advice } from "./demo-portfolio-advice.ts";

/** In characters; what comes after is not read. The patterns take quadratic time, and anyone can send a message. */
const MAX_LENGTH = 4_000;

const SAMPLE = "AAPL 12 @ 150, now 210 USD; MSFT 5 @ 300, now 420 USD; VWCE 40 @ 95, now 118 USD; 3000 USD cash";

const VOICES: readonly [string, RegExp][] = [
  ["captain", /captain|pirate|sailor|kapitän|seemann|capitán|marinero|船长|海盗/i],
  ["grandmother", /grand(?:mother|ma)|granny|oma\b|großmutter|abuela|奶奶|外婆/i],
  ["coach", /\bcoach\b|trainer|entrenador|教练/i],
  ["banker", /banker|bankier|banquero|银行家/i],
];

/** The call that fills in a form, when one of the analysis is the only thing that can be called. */
export function portfolioForm(messages: readonly BaseMessage[], tools: BoundTools): PlannedCall | undefined {
  const [form, ...others] = tools;
  if (!form || others.length > 0) return undefined;
  const [name, schema] = form;
  const fill = Object.keys(schema.properties ?? {}).map((field) => FORMS.get(field))[0];
  return fill && { name, args: fill(lastAsked(messages), wordingIn(orderedLanguage(orders(messages)))) };
}

/** The answer to a person, when the request has a voice to speak in and an analysis to speak of. */
export function portfolioAdvice(messages: readonly BaseMessage[]): string | undefined {
  const voice = /^Speak as the (\w+)/.exec(orders(messages))?.[1];
  const analysis = /^[\s\S]*<analysis>\n(.*)\n<\/analysis>([\s\S]*)$/.exec(lastAsked(messages).text);
  if (voice === undefined || !analysis) return undefined;
  const [, json = "null", order = ""] = analysis;
  return `${advice(JSON.parse(json), voice, orderedLanguage(order))}\n\n(demo model)`;
}

function lastAsked(messages: readonly BaseMessage[]): BaseMessage {
  return messages.findLast((message) => HumanMessage.isInstance(message)) ?? new HumanMessage("");
}

function orders(messages: readonly BaseMessage[]): string {
  return messages.find((message) => SystemMessage.isInstance(message))?.text ?? "";
}

/** Stocks as a whole are no single holding. */
const ALL_STOCKS = /^(?:stocks|shares|aktien|acciones|股票)$/i;

/** By the first field of the form. */
const FORMS = new Map<string, (asked: BaseMessage, phrases: Wording) => Record<string, unknown>>([
  ["holdings", convert],
  ["concerns", (asked, phrases) => ({ concerns: concerns(figuresIn(asked), phrases) })],
  ["remarks", (asked, phrases) => ({ remarks: remarks(figuresIn(asked), phrases) })],
  ["recommendations", (asked, phrases) => ({ recommendations: recommendations(figuresIn(asked), phrases) })],
]);

function convert(asked: BaseMessage) {
  const text = asked.text.slice(0, MAX_LENGTH);
  const language = languageOf(text);
  const read = holdingsIn(text, language);
  const image =
    Array.isArray(asked.content) && asked.content.some(({ type }) => type === "image" || type === "image_url");
  const sample = image && read.length === 0;
  return {
    holdings: sample ? holdingsIn(SAMPLE, "en") : read,
    origin: sample ? "sample" : "text",
    language,
    character: VOICES.find(([, words]) => words.test(text))?.[0] ?? null,
  };
}

function figuresIn<Figures>(asked: BaseMessage): Figures {
  return JSON.parse(/<figures>\n(.*)\n<\/figures>/.exec(asked.text)?.[1] ?? "{}") as Figures;
}

function concerns({ level, weights, byKind, effectiveHoldings }: RiskFigures, phrases: Wording): Concerns["concerns"] {
  if (level === null) return []; // nothing is known to be worth something
  const percent = (weight: number) => phrases.percent(weight);
  const concern = (kind: Concerns["concerns"][number]["kind"], about: string, weight = 0) => ({
    kind,
    about,
    why: sentence(phrases.concerns[kind]?.(about, percent(weight))),
  });
  const single = weights.find(({ name, kind, weight }) => kind === "stock" && weight > 0.3 && !ALL_STOCKS.test(name));
  const { cash = 0, crypto = 0 } = byKind;
  return [
    single ? [concern("single_holding", single.name, single.weight)] : [],
    crypto > 0.1 ? [concern("volatile", phrases.kinds.crypto ?? "crypto", crypto)] : [],
    cash > 0.4 ? [concern("idle_cash", phrases.kinds.cash ?? "cash", cash)] : [],
    effectiveHoldings < 3 ? [concern("few_holdings", weights[0]?.name ?? "")] : [],
    cash < 0.03 ? [concern("no_reserve", phrases.kinds.cash ?? "cash", cash)] : [],
  ]
    .flat()
    .slice(0, 3);
}

function remarks({ results, unknown }: PerformanceFigures, phrases: Wording): Remarks["remarks"] {
  const remark = (effect: "helps" | "hurts" | "unknown", about: string, gainPercent = 0) => ({
    effect,
    about,
    why: sentence(phrases.remarks[effect]?.(about, phrases.signed(gainPercent))),
  });
  const best = results[0];
  const worst = results.at(-1);
  return [
    best && best.gain > 0 ? [remark("helps", best.name, best.gainPercent)] : [],
    worst && worst.gain < 0 ? [remark("hurts", worst.name, worst.gainPercent)] : [],
    results.length > 0 && unknown.length > 0 ? [remark("unknown", unknown.join(", "))] : [],
  ].flat();
}

interface Findings {
  readonly risk: RiskFigures & Concerns;
  readonly performance: PerformanceFigures;
}

function recommendations({ risk, performance }: Findings, phrases: Wording): Recommendations["recommendations"] {
  const recommend = (action: Recommendations["recommendations"][number]["action"], about = "") => ({
    action,
    about,
    why: sentence(phrases.actions[action]?.(about)),
  });
  const actions = risk.concerns.map(({ kind, about }) => {
    if (kind === "single_holding" || kind === "volatile") return recommend("reduce", about);
    return kind === "no_reserve" ? recommend("increase", about) : recommend("diversify", about);
  });
  const different = actions.filter(
    ({ action }, index) => actions.findIndex((each) => each.action === action) === index,
  );
  const review = performance.unknown.length > 0 ? [recommend("review", performance.unknown.join(", "))] : [];
  return different.length + review.length > 0 ? [...different, ...review].slice(0, 4) : [recommend("hold")];
}

function sentence(text = ""): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
