/** Reads the holdings that a person lists in lines or in a table. The rest is left to a model. */
import type { Holding } from "./forms.ts";

/** The holdings that were read, and the parts of the text that were not understood. */
export interface ReadList {
  readonly holdings: Holding[];
  readonly rest: string;
}

/** In characters, so that a pasted book takes no time. */
const MAX_LENGTH = 10_000;
const MAX_HOLDINGS = 100;

const NUMBER = String.raw`\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d{1,15}(?:\.\d{1,15})?`;
const MONEY = String.raw`[$€£¥]?(${NUMBER})(?: ?[$€£¥]| ?(?:USD|EUR|GBP|CHF|CNY|JPY)\b)?`;
const PERCENT = new RegExp(`(${NUMBER}) ?%`);
const PRICE = new RegExp(String.raw`,? ?\bnow (?:at )?${MONEY}`, "i");
const COST = new RegExp(String.raw`(?:@|\bat\b) ?${MONEY}`, "i");
const SUM = new RegExp(String.raw`[$€£¥](${NUMBER})|(${NUMBER}) ?(?:[$€£¥]|(?:USD|EUR|GBP|CHF|CNY|JPY)\b)`);
const QUANTITY = new RegExp(String.raw`(?<![\w&])(?:${NUMBER})(?!\w)`);
const TICKER = /^[A-Z][A-Z.]{1,5}$/;

const KINDS: readonly [Holding["kind"], RegExp][] = [
  ["cash", /\b(?:cash|savings?|deposit)\b/i],
  ["crypto", /\b(?:BTC|ETH|SOL|XRP|bitcoin|ether|crypto)\b/i],
  ["bond", /\b(?:bonds?|treasur(?:y|ies))\b/i],
  ["fund", /\b(?:ETF|VTI|VOO|SPY|QQQ|VWCE|IWDA|funds?|index|MSCI)\b/i],
  ["metal", /\b(?:gold|silver|platinum)\b/i],
  ["property", /\b(?:house|flat|property|REIT)\b/i],
];

const SIGNS: Readonly<Record<string, string>> = { $: "USD", "€": "EUR", "£": "GBP", "¥": "CNY" };

const COLUMNS: readonly [keyof Holding, RegExp][] = [
  ["name", /^(?:symbol|ticker|name|holding|asset)$/i],
  ["quantity", /^(?:quantity|qty|shares|units)$/i],
  ["cost", /^(?:cost|paid|bought at|purchase price)$/i],
  ["price", /^(?:price|now|current price)$/i],
  ["value", /^(?:value|amount|worth)$/i],
  ["percent", /^(?:percent|weight|share|%)$/i],
  ["currency", /^(?:currency|ccy)$/i],
];

/** Holdings in lines such as "AAPL 10 @ 180, now 210; 5000 USD cash; 30% bonds", or in a table with a header. */
export function holdingsIn(text: string): ReadList {
  const start = text.slice(0, MAX_LENGTH);
  const table = tableIn(start);
  const read =
    table ??
    start.split(/[;\n]|\.(?=\s|$)|,(?=\s)(?!\s*now\b)/i).map((item) => ({ item, holding: lineIn(item.trim()) }));
  const holdings = read.flatMap(({ holding }) => holding ?? []);
  const rest = [...read.filter(({ holding }) => !holding).map(({ item }) => item.trim()), text.slice(MAX_LENGTH)];
  return { holdings: holdings.slice(0, MAX_HOLDINGS), rest: rest.filter(Boolean).join("\n") };
}

interface ReadItem {
  readonly item: string;
  readonly holding: Holding | undefined;
}

/** A line is a holding if it has a price, a sum, a share of the whole, or a ticker with a number. */
function lineIn(item: string): Holding | undefined {
  let rest = item.replace(/^[-*•] /, "").replace(/:/g, " ");
  const take = (pattern: RegExp): number | null => {
    const match = pattern.exec(rest);
    if (!match) return null;
    rest = rest.replace(match[0], " ");
    return numberOf(match.slice(1).find((group) => group !== undefined) ?? match[0]);
  };
  const percent = take(PERCENT);
  const price = take(PRICE);
  const cost = take(COST);
  const value = percent === null && price === null && cost === null ? take(SUM) : null;
  const quantity = value === null && percent === null ? take(QUANTITY) : null;
  const name = rest
    .replace(/\b(?:shares?|units?|of|in|each|USD|EUR|GBP|CHF|CNY|JPY)\b|[$€£¥]/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  const counted = quantity !== null && (cost !== null || price !== null || TICKER.test(name));
  if (!/^\p{L}[^\d@%]{0,40}$/u.test(name) || !(counted || value !== null || percent !== null)) return undefined;
  return { name, kind: kindOf(name), quantity, cost, price, value, percent, currency: currencyIn(item) };
}

/** CSV, or columns between tabs, semicolons or bars. */
function tableIn(text: string): ReadItem[] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !/^[\s|:-]+$/.test(line));
  const separator = ["|", "\t", ";", ","].find((sign) => lines[0]?.includes(sign)) ?? ",";
  const cells = (line: string) =>
    line
      .replace(/^\s*\||\|\s*$/g, "")
      .split(separator)
      .map((cell) => cell.trim());
  const columns = cells(lines[0] ?? "").map((title) => COLUMNS.find(([, words]) => words.test(title))?.[0]);
  if (!columns.includes("name") || columns.filter(Boolean).length < 2) return undefined;
  return lines.slice(1).map((item) => {
    const row = new Map(cells(item).map((cell, index) => [columns[index], cell]));
    const figure = (column: keyof Holding) => numberOf(row.get(column) ?? "");
    const [name = "", value, percent] = [row.get("name"), figure("value"), figure("percent")];
    const [quantity, cost, price] = [figure("quantity"), figure("cost"), figure("price")];
    const given = name !== "" && (quantity ?? value ?? percent) !== null;
    const currency = currencyIn(row.get("currency") ?? item);
    return {
      item,
      holding: given ? { name, kind: kindOf(name), quantity, cost, price, value, percent, currency } : undefined,
    };
  });
}

function kindOf(name: string): Holding["kind"] {
  return KINDS.find(([, words]) => words.test(name))?.[0] ?? "stock";
}

function currencyIn(text: string): string | null {
  const [found] = /[$€£¥]|\b(?:USD|EUR|GBP|CHF|CNY|JPY)\b/.exec(text) ?? [];
  return found === undefined ? null : (SIGNS[found] ?? found);
}

/** Null where the text is more than a number, such as "1.234,50": a wrong guess would be worse than no number. */
function numberOf(text: string): number | null {
  const match = new RegExp(`^[$€£¥]?(${NUMBER})(?: ?[%$€£¥]| ?[A-Z]{3})?$`).exec(text.trim());
  return match?.[1] === undefined ? null : Number(match[1].replaceAll(",", ""));
}
