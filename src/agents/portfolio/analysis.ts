/** Computes all figures of a portfolio, without a model. */
import type { Holding } from "./forms.ts";

/** A holding's part of the whole. */
export interface Weight {
  readonly name: string;
  readonly kind: Holding["kind"];
  /** In the portfolio's currency. Null where only shares of the whole were given. */
  readonly value: number | null;
  /** 0 to 1. */
  readonly weight: number;
}

/** The assumptions that were made, so that nobody mistakes them for facts. */
export interface Assumption {
  readonly kind: "valued_at_cost" | "rough_exchange_rates" | "not_valued";
  readonly about: readonly string[];
}

export interface RiskFigures {
  readonly currency: string | null;
  readonly total: number | null;
  /** The largest first. */
  readonly weights: readonly Weight[];
  readonly byKind: Readonly<Partial<Record<Holding["kind"], number>>>;
  /** Herfindahl-Hirschman index: the sum of the squared weights. 1: everything is in one holding. */
  readonly concentration: number;
  /** The number of equal holdings that would be as concentrated. */
  readonly effectiveHoldings: number;
  /** Null when nothing is known to be worth something. */
  readonly level: "low" | "medium" | "high" | null;
  readonly assumptions: readonly Assumption[];
}

/** A holding's cost and worth, in the portfolio's currency. */
export interface Result {
  readonly name: string;
  readonly invested: number;
  readonly value: number;
  readonly gain: number;
  readonly gainPercent: number;
}

export interface PerformanceFigures {
  readonly currency: string | null;
  /** The sum over holdings whose cost and price are known. Null if there are none. */
  readonly total: Omit<Result, "name"> | null;
  /** The best first. */
  readonly results: readonly Result[];
  /** Holdings whose cost or price is not known. Cash has neither. */
  readonly unknown: readonly string[];
}

// The rough value of one unit in US dollars in 2025. It is good enough for weights, and the result says that it was
// used.
const DOLLARS: Readonly<Record<string, number>> = {
  ...{ USD: 1, EUR: 1.13, GBP: 1.33, CHF: 1.22, CNY: 0.14, JPY: 0.0068, INR: 0.0117, CAD: 0.72, AUD: 0.65, HKD: 0.128 },
};

// The swing of each kind of holding, from 0 to 1: a rule of thumb.
const SWING: Readonly<Record<Holding["kind"], number>> = {
  ...{ cash: 0, bond: 0.2, property: 0.4, fund: 0.5, metal: 0.5, stock: 0.7, other: 0.7, crypto: 1 },
};

export function riskOf(holdings: readonly Holding[]): RiskFigures {
  const currency = currencyOf(holdings);
  const values = holdings.map((holding) => worthOf(holding, currency));
  const known = sum(values.map((value) => value ?? 0));
  const shares = holdings.map(({ percent }, index) => (values[index] === null ? (percent ?? 0) / 100 : 0));
  const shared = sum(shares);
  // If there are sums too, shares are parts of the whole, and the sums are the rest. Without sums, the shares are the
  // whole.
  const beside = known > 0 && shared < 1;
  const total = known > 0 ? known / (beside ? 1 - shared : 1) : null;
  const weights = holdings
    .map(({ name, kind }, index): Weight => {
      const share = beside || total === null ? (shares[index] ?? 0) : 0;
      const value = values[index] ?? (total === null ? null : share * total);
      const weight = total === null ? share / (shared || 1) : (value ?? 0) / total;
      return { name, kind, value: value === null ? null : rounded(value, 2), weight: rounded(weight, 4) };
    })
    .sort((a, b) => b.weight - a.weight);
  const byKind: Partial<Record<Holding["kind"], number>> = {};
  for (const { kind, weight } of weights) byKind[kind] = rounded((byKind[kind] ?? 0) + weight, 4);
  const concentration = rounded(sum(weights.map(({ weight }) => weight ** 2)), 4);
  return {
    currency,
    total: total === null ? null : rounded(total, 2),
    weights,
    byKind,
    concentration,
    effectiveHoldings: concentration > 0 ? rounded(1 / concentration, 1) : 0,
    level: levelOf(weights),
    assumptions: assumptions(holdings, currency, weights),
  };
}

export function performanceOf(holdings: readonly Holding[]): PerformanceFigures {
  const currency = currencyOf(holdings);
  const results = holdings.flatMap((holding): Result[] => {
    const { name, quantity, cost, price } = holding;
    if (quantity === null || !cost || price === null) return [];
    const rate = rateOf(holding, currency);
    return [{ name, ...result(quantity * cost * rate, quantity * price * rate) }];
  });
  const known = new Set(results.map(({ name }) => name));
  const unknown = holdings.filter(({ name, kind }) => kind !== "cash" && !known.has(name));
  const invested = sum(results.map((each) => each.invested));
  return {
    currency,
    total: invested > 0 ? result(invested, sum(results.map(({ value }) => value))) : null,
    results: results.sort((a, b) => b.gainPercent - a.gainPercent),
    unknown: unknown.map(({ name }) => name),
  };
}

function result(invested: number, value: number): Omit<Result, "name"> {
  const gain = value - invested;
  return {
    invested: rounded(invested, 2),
    value: rounded(value, 2),
    gain: rounded(gain, 2),
    gainPercent: rounded((100 * gain) / invested, 1),
  };
}

function levelOf(weights: readonly Weight[]): RiskFigures["level"] {
  if (weights.every(({ weight }) => weight === 0)) return null;
  const swing = sum(weights.map(({ kind, weight }) => weight * SWING[kind]));
  const largest = weights.find(({ kind }) => kind !== "cash")?.weight ?? 0;
  const score = swing + (largest > 0.4 ? 0.15 : 0);
  return score >= 0.65 ? "high" : score >= 0.35 ? "medium" : "low";
}

/** The currency of most holdings. */
function currencyOf(holdings: readonly Holding[]): string | null {
  const times = new Map<string, number>();
  for (const { currency } of holdings) if (currency !== null) times.set(currency, (times.get(currency) ?? 0) + 1);
  const [most] = [...times].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? null;
}

/** A holding's value; null if it is given as a share of the whole, or not at all. */
function worthOf(holding: Holding, currency: string | null): number | null {
  const { quantity, cost, price, value } = holding;
  const each = price ?? cost;
  const own = value ?? (quantity !== null && each !== null ? quantity * each : null);
  return own === null ? null : own * rateOf(holding, currency);
}

/** The factor for a holding's figures. A holding without a currency is taken to be in the portfolio's own. */
function rateOf({ currency }: Holding, to: string | null): number {
  if (currency === null || to === null || currency === to) return 1;
  return (DOLLARS[currency] ?? 1) / (DOLLARS[to] ?? 1);
}

function assumptions(
  holdings: readonly Holding[],
  main: string | null,
  weights: readonly Weight[],
): readonly Assumption[] {
  const names = (test: (holding: Holding) => boolean) => holdings.filter(test).map(({ name }) => name);
  const found: Assumption[] = [
    {
      kind: "valued_at_cost",
      about: names(
        ({ value, price, cost, quantity }) => value === null && price === null && cost !== null && quantity !== null,
      ),
    },
    { kind: "rough_exchange_rates", about: names(({ currency }) => currency !== null && currency !== main) },
    { kind: "not_valued", about: weights.filter(({ weight }) => weight === 0).map(({ name }) => name) },
  ];
  return found.filter(({ about }) => about.length > 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
