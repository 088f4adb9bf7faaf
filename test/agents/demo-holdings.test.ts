import { describe, expect, it } from "vitest";
import { holdingsIn } from "../../src/agents/models/demo-holdings.ts";
import { languageOf, orderedLanguage } from "../../src/agents/models/demo-languages.ts";

/** As "name kind figures", in short. */
function read(text: string): string[] {
  return holdingsIn(text, languageOf(text)).map(({ name, kind, quantity, cost, price, value, percent, currency }) =>
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

describe("holdingsIn", () => {
  it.each([
    ["AAPL 10 @ 180, 5000 EUR cash, 30% bonds", ["AAPL stock 10x @180", "cash cash =5000 EUR", "bonds bond 30%"]],
    [
      "I have 10 shares of Apple bought at $150, now $210, and 20 TSLA at 250.",
      ["Apple stock 10x @150 >210 USD", "TSLA stock 20x @250"],
    ],
    ["I own 60% stocks, 30% bonds and 10% gold", ["stocks stock 60%", "bonds bond 30%", "gold metal 10%"]],
    [
      "My portfolio: 12,500 USD in savings; 3 BTC; 0.75 ETH @ 2,000 now 3,100",
      ["savings cash =12500 USD", "BTC crypto 3x", "ETH crypto 0.75x @2000 >3100"],
    ],
    ["- AAPL: 10 shares at 150 USD\n- Cash: $4,000", ["AAPL stock 10x @150 USD", "Cash cash =4000 USD"]],
    ["100k in an S&P 500 fund and 20k cash", ["S&P 500 fund fund =100000", "cash cash =20000"]],
    ["1. AAPL 10 @ 150\n2. my house 300000 EUR", ["AAPL stock 10x @150", "house property =300000 EUR"]],
    [
      "Ich habe 20 Aktien von BMW zu 85,50 Euro, 10.000 € auf dem Konto und 30 % Anleihen.",
      ["BMW stock 20x @85.5 EUR", "Konto cash =10000 EUR", "Anleihen bond 30%"],
    ],
    [
      "Tengo 100 acciones de Iberdrola a 10,5 euros, 3.000 € en efectivo y 20% bonos",
      ["Iberdrola stock 100x @10.5 EUR", "efectivo cash =3000 EUR", "bonos bond 20%"],
    ],
    [
      "苹果 10 股，成本 180 美元，现价 210 美元；2万现金；债券 30%",
      ["苹果 stock 10x @180 >210 USD", "现金 cash =20000", "债券 bond 30%"],
    ],
    [
      "| Symbol | Qty | Cost | Price |\n|---|---|---|---|\n| AAPL | 10 | 150 | 210 |\n| VTI | 5 | 200 | 280 |",
      ["AAPL stock 10x @150 >210", "VTI fund 5x @200 >280"],
    ],
    ["Wertpapier;Anzahl;Kaufkurs;Kurs;Währung\nSAP;12;130,50;240,10;EUR", ["SAP stock 12x @130.5 >240.1 EUR"]],
  ])("reads %j", (text, holdings) => {
    expect(read(text)).toEqual(holdings);
  });

  it.each([
    "hello",
    "What if stocks drop 10%?",
    "How did I do in 2024?",
    "Tell me again in 2 sentences",
    "Explain it in 100 words please",
  ])("takes %j for no holding", (text) => {
    expect(read(text)).toEqual([]);
  });

  it.each([
    ["digits", "1".repeat(4_000)],
    ["spaces", `AAPL 1${" ".repeat(4_000)}@ 2`],
    ["question marks", "?".repeat(4_000)],
    ["items", "AAPL 1 @ 2,".repeat(360)],
  ])("is not held up by very many %s", (_, text) => {
    const started = performance.now();
    expect(holdingsIn(text, "en").length).toBeLessThanOrEqual(30);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe("languages", () => {
  it.each([
    ["AAPL 10 @ 180", "en"],
    ["What is my risk?", "en"],
    ["Mein Depot: 40 VWCE, 3.000 EUR Bargeld", "de"],
    ["Mi cartera: 50 acciones de Telefónica", "es"],
    ["我的 AAPL 10 股", "zh"],
  ])("takes %j for %s", (text, language) => {
    expect(languageOf(text)).toBe(language);
  });

  it("writes what it is told to, and English where it knows no better", () => {
    expect(orderedLanguage("Write in German (de).")).toBe("de");
    expect(orderedLanguage("Write in Chinese (zh).")).toBe("zh");
    expect(orderedLanguage("Write in Icelandic (is).")).toBe("en");
  });
});
