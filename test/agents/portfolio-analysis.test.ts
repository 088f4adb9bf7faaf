import { describe, expect, it } from "vitest";
import { performanceOf, riskOf } from "../../src/agents/portfolio/analysis.ts";
import type { Holding } from "../../src/agents/portfolio/forms.ts";

function holding(name: string, given: Partial<Holding>): Holding {
  const nothing = { quantity: null, cost: null, price: null, value: null, percent: null, currency: null };
  return { name, kind: "stock", ...nothing, ...given };
}

const weights = (holdings: Holding[]) =>
  Object.fromEntries(riskOf(holdings).weights.map(({ name, weight }) => [name, weight]));

describe("riskOf", () => {
  it("values at the price, else at the cost, and says so", () => {
    const risk = riskOf([
      holding("A", { quantity: 10, cost: 50, price: 60 }),
      holding("B", { quantity: 4, cost: 100 }),
    ]);
    expect(risk).toMatchObject({ total: 1000, concentration: 0.52, effectiveHoldings: 1.9 });
    expect(risk.assumptions).toEqual([{ kind: "valued_at_cost", about: ["B"] }]);
  });

  it("takes shares for shares of the whole, which sums are the rest of", () => {
    const holdings = [holding("A", { value: 700 }), holding("B", { kind: "bond", percent: 30 })];
    expect(riskOf(holdings)).toMatchObject({ total: 1000, byKind: { stock: 0.7, bond: 0.3 } });
  });

  it("makes a whole of shares that are none, and of shares without sums no total", () => {
    expect(weights([holding("A", { percent: 60 }), holding("B", { percent: 20 })])).toEqual({ A: 0.75, B: 0.25 });
    expect(riskOf([holding("A", { percent: 100 })])).toMatchObject({ total: null, concentration: 1 });
  });

  it("lets no shares of 100% or more push sums below nothing", () => {
    expect(weights([holding("A", { percent: 100 }), holding("B", { value: 50 })])).toEqual({ A: 0, B: 1 });
  });

  it("converts to the currency that most holdings are in, roughly, and says so", () => {
    const risk = riskOf([
      holding("A", { value: 1000, currency: "EUR" }),
      holding("B", { value: 1000, currency: "EUR" }),
      holding("C", { value: 1130, currency: "USD" }),
    ]);
    expect(risk).toMatchObject({ currency: "EUR", total: 3000 });
    expect(risk.assumptions).toEqual([{ kind: "rough_exchange_rates", about: ["C"] }]);
  });

  it("leaves out what has no value, and has no level when nothing has", () => {
    const risk = riskOf([holding("A", { quantity: 3 }), holding("B", { value: 10 })]);
    expect(risk).toMatchObject({ total: 10, assumptions: [{ kind: "not_valued", about: ["A"] }] });
    expect(riskOf([holding("A", { quantity: 3 })])).toMatchObject({ total: null, level: null, effectiveHoldings: 0 });
    expect(riskOf([])).toMatchObject({ total: null, level: null, weights: [] });
  });

  it.each([
    ["low", [holding("A", { kind: "cash", value: 90 }), holding("B", { value: 10 })]],
    ["medium", [holding("A", { kind: "bond", value: 50 }), holding("B", { kind: "fund", value: 50 })]],
    ["high", [holding("A", { kind: "crypto", value: 50 }), holding("B", { value: 50 })]],
  ])("calls the risk %s", (level, holdings) => {
    expect(riskOf(holdings)).toMatchObject({ level });
  });
});

describe("performanceOf", () => {
  it("adds up what is known, the best first, and names what is not", () => {
    expect(
      performanceOf([
        holding("A", { quantity: 10, cost: 100, price: 90 }),
        holding("B", { quantity: 1, cost: 1000, price: 1500 }),
        holding("C", { quantity: 1, cost: 10 }),
        holding("cash", { kind: "cash", value: 500 }),
      ]),
    ).toEqual({
      currency: null,
      total: { invested: 2000, value: 2400, gain: 400, gainPercent: 20 },
      results: [
        { name: "B", invested: 1000, value: 1500, gain: 500, gainPercent: 50 },
        { name: "A", invested: 1000, value: 900, gain: -100, gainPercent: -10 },
      ],
      unknown: ["C"],
    });
  });

  it("has no total when nothing is known, not even of what cost nothing", () => {
    expect(performanceOf([holding("A", { quantity: 1, cost: 0, price: 5 })])).toMatchObject({
      total: null,
      unknown: ["A"],
    });
  });
});

it("as many holdings as a client can send are no hold-up", () => {
  const many = Array.from({ length: 20_000 }, (_, n) => holding(`${n}`, { quantity: 1, cost: 1, currency: "EUR" }));
  const started = performance.now();
  expect(riskOf(many)).toMatchObject({ currency: "EUR", total: 20_000 });
  expect(performanceOf(many)).toMatchObject({ currency: "EUR", unknown: { length: 20_000 } });
  expect(performance.now() - started).toBeLessThan(2_000);
});
