import { describe, expect, it } from "vitest";
import { holdingsIn } from "../../src/agents/portfolio/lists.ts";

/** As "name kind figures", in short. */
function read(text: string): string[] {
  return holdingsIn(text).holdings.map(({ name, kind, quantity, cost, price, value, percent, currency }) =>
    [
      `${name} ${kind}`,
      quantity === null ? "" : ` ${quantity}x`,
      cost === null ? "" : ` @${cost}`,
      price === null ? "" : ` >${price}`,
      value === null ? "" : ` =${value}`,
      percent === null ? "" : ` ${percent}%`,
      currency === null ? "" : ` ${currency}`,
    ].join(""),
  );
}

describe("lists of holdings", () => {
  it.each([
    ["AAPL 10 @ 180, now 210; 5000 USD cash", ["AAPL stock 10x @180 >210", "cash cash =5000 USD"]],
    ["AAPL 10 @ 180, $5,000 cash, 30% bonds", ["AAPL stock 10x @180", "cash cash =5000 USD", "bonds bond 30%"]],
    [
      "40 VWCE @ 95, now 118 EUR\n- 12 shares of SAP at €130.50",
      ["VWCE fund 40x @95 >118 EUR", "SAP stock 12x @130.5 EUR"],
    ],
    [
      "Cash: 4,000 EUR; 3 BTC; my house 300000 EUR",
      ["Cash cash =4000 EUR", "BTC crypto 3x", "my house property =300000 EUR"],
    ],
    [
      "| Symbol | Qty | Cost | Price |\n|---|---|---|---|\n| AAPL | 10 | 150 | 210 |\n| 腾讯 | 1,000 | 320 | 410 |",
      ["AAPL stock 10x @150 >210", "腾讯 stock 1000x @320 >410"],
    ],
    ["name;value;currency\nGold;3000;USD", ["Gold metal =3000 USD"]],
  ])("reads all of %j", (text, holdings) => {
    expect(read(text)).toEqual(holdings);
    expect(holdingsIn(text).rest).toBe("");
  });

  it.each([
    ["hello"],
    ["What if stocks drop 10 percent?"],
    ["Tell me again in 2 sentences"],
    ["Mein Depot: 40 VWCE zu 95"],
    ["我的组合：腾讯 100 股 成本 320"],
    ["50 Telefónica @ 3,8"],
  ])("leaves %j to a model", (text) => {
    expect(holdingsIn(text)).toEqual({ holdings: [], rest: text.replace(/\.$/, "") });
  });

  it("leaves to it what it does not understand of a longer text", () => {
    const { holdings, rest } = holdingsIn("AAPL 10 @ 180\nand a few coins\nsymbol: none");
    expect(holdings).toHaveLength(1);
    expect(rest).toBe("and a few coins\nsymbol: none");
    expect(holdingsIn("name,value\nGold,1.234,50\nSilver,20").rest).toBe("");
    expect(holdingsIn("name;value\nGold;1.234,50\nSilver;20")).toMatchObject({
      holdings: [{ name: "Silver" }],
      rest: "Gold;1.234,50",
    });
  });

  it.each([
    ["digits", "1".repeat(100_000)],
    ["spaces", `AAPL 1${" ".repeat(100_000)}@ 2`],
    ["items", "AAPL 1 @ 2, ".repeat(10_000)],
  ])("is not held up by very many %s", (_, text) => {
    const started = performance.now();
    expect(holdingsIn(text).holdings.length).toBeLessThanOrEqual(100);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
