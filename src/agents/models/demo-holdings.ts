/** What somebody owns, read from a sentence, a list or a table by rules. */
import type { Language } from "./demo-languages.ts";

/** A holding as the portfolio agent's form has it; what was not said is null. */
export interface ReadHolding {
  readonly name: string;
  readonly kind: string;
  readonly quantity: number | null;
  readonly cost: number | null;
  readonly price: number | null;
  readonly value: number | null;
  readonly percent: number | null;
  readonly currency: string | null;
}

const MAX_HOLDINGS = 30;

const KINDS: readonly [string, RegExp][] = [
  ["cash", /cash|bargeld|konto|savings|efectivo|ahorro|现金|存款/i],
  ["crypto", /\b(?:btc|eth|sol|xrp)\b|bitcoin|ether|crypto|krypto|cripto|比特币|以太坊|加密/i],
  ["bond", /bond|anleihe|bono|treasur|债/i],
  ["fund", /\b(?:etf|vti|voo|spy|qqq|vwce|iwda)\b|fund|fonds?\b|fondo|msci|index|基金|指数/i],
  ["metal", /gold|silver|silber|\boro\b|plata|黄金|白银/i],
  ["property", /house|flat|property|estate|\breit|immobilie|wohnung|inmueble|房/i],
];

const CURRENCIES: readonly [string, string][] = [
  ["USD", String.raw`USD|US\$|\$|dollars?|dólares|美元`],
  ["EUR", "euros?|EUR|€|欧元"],
  ["GBP", "GBP|£|pounds?"],
  ["CHF", "CHF|Franken|francs?"],
  ["CNY", "CNY|RMB|¥|元|人民币"],
  ["JPY", "JPY|yen|日元"],
];
const CURRENCY = CURRENCIES.map(([, words]) => words).join("|");
/** Bounded, so that very many digits are read no more than once. */
const NUMBER = String.raw`\d{1,15}(?:[.,' ]\d{3})*(?:[.,]\d{1,15})?`;
const MONEY = String.raw`(?:${CURRENCY})?\s?(?:${NUMBER})\s?(?:${CURRENCY})?`;

const PERCENT = new RegExp(String.raw`(${NUMBER})\s?[%％]`);
const NOW = new RegExp(
  String.raw`(?:now|currently|today|worth|price|jetzt|aktuell|heute|kurs|ahora|hoy|现价|现在|->|→)\s*(?:at|bei|a|is)?\s*[:=]?\s*(${MONEY})`,
  "i",
);
const COST = new RegExp(
  String.raw`(?:@|\bat\b|\bcost\b|bought (?:at|for)|\bzu\b|\bfür\b|\bje\b|\ba\b|成本价?|买入价?)\s*[:=]?\s*(${MONEY})`,
  "i",
);
const SUM = new RegExp(String.raw`(?:${CURRENCY})\s?(${NUMBER})|(${NUMBER})\s?(?:${CURRENCY})`, "i");
/** A number that stands for itself: "S&P 500" and "Q3" are names. */
const BARE = new RegExp(String.raw`(?<![\p{Script=Latin}\d&]|& ?P )(${NUMBER})(?!\p{Script=Latin})`, "u");
const GOES_ON = new RegExp(String.raw`^\s*(?:bought )?(?:${NOW.source}|${COST.source})\s*$`, "i");
const PIECES = /\b(?:shares?|units?|pieces?|stück|aktien|acciones|títulos)\b|[股个份]/i;
/** No name beside one, but the only name there is in "60% stocks". */
const SHARES = /\b(?:stocks|shares|aktien|acciones)\b|股票/i;
const TICKER = /\b[A-Z]{2,5}\b/;
const FILLER =
  /(?<!\p{L})(?:i|have|own|and|und|y|of|in|an|on|de|en|von|auf|dem|my|mein|meine|mis?|ich|habe|tengo|shares?|stocks?|stück|aktien|acciones|each|bought|portfolio|depot|cartera|is|ist)(?!\p{L})|股(?!票)|[份我有个的在:=()|]/giu;
const MULTIPLES: Readonly<Record<string, number>> = { k: 1_000, 千: 1_000, 万: 10_000 };

/** `language` says what a comma in a number means. */
export function holdingsIn(text: string, language: Language): ReadHolding[] {
  const table = tableIn(text, language);
  const found = table.length > 0 ? table : items(text, language).flatMap((item) => holdingIn(item, language) ?? []);
  return found.slice(0, MAX_HOLDINGS);
}

/** One for each holding: "now 210" belongs to what stands before it. A question names none. */
function items(text: string, language: Language): string[] {
  const told = text
    .replace(/[^.;\n?？。；，]*[?？]/g, "\n")
    .replace(new RegExp(String.raw`(${NUMBER})\s?(k\b|千|万)`, "gi"), (_, number: string, multiple: string) =>
      String((numberIn(number, language) ?? 0) * (MULTIPLES[multiple.toLowerCase()] ?? 1)),
    );
  const found: string[] = [];
  for (const part of told.split(/[\n;；、。]|，|,(?!\d)|\.(?=\s|$)|\s(?:and|und|y|plus)\s|和/i)) {
    const before = GOES_ON.test(part) ? found.pop() : undefined;
    found.push(before === undefined ? part : `${before} ${part}`);
  }
  return found;
}

function holdingIn(item: string, language: Language): ReadHolding | undefined {
  if (!/\d/.test(item)) return undefined;
  // "My savings: 100 in gold" has its name behind the colon, "AAPL: 10 shares" before it.
  const behind = partsOf(item.replace(/^[^\d]*[:：]/, ""), language);
  const { name, bare, sum, ...figures } = behind.name === "" ? partsOf(item.replace(/[:：]/, " "), language) : behind;
  const priced = figures.cost !== null || figures.price !== null;
  const counted = priced || PIECES.test(item) || TICKER.test(name);
  if (!counted && sum === null && figures.percent === null && kindOf(name) === undefined) return undefined;
  const value = sum ?? (counted ? null : bare);
  const quantity = counted ? bare : null;
  if (value === null && quantity === null && figures.percent === null) return undefined;
  const called = name === "" ? "Cash" : name;
  return { name: called, kind: kindOf(called) ?? "stock", quantity, ...figures, value, currency: currencyIn(item) };
}

/** The figures of one item, and as its name what is left when they are taken out. */
function partsOf(item: string, language: Language) {
  let rest = item.replace(/^\s*[-*•]\s/, "");
  const take = (pattern: RegExp): number | null => {
    const match = pattern.exec(rest);
    if (match) rest = rest.replace(match[0], " ");
    return numberIn(
      match?.slice(1).find((group) => group !== undefined),
      language,
    );
  };
  const percent = take(PERCENT);
  const price = take(NOW);
  const cost = take(COST);
  const sum = cost === null && price === null && percent === null ? take(SUM) : null;
  const bare = take(BARE);
  const words = rest.replace(new RegExp(String.raw`(?<!\p{L})(?:${CURRENCY})(?!\p{L})`, "giu"), " ");
  const name = tidy(words.replace(FILLER, " ")) || (percent === null ? "" : (SHARES.exec(words)?.[0] ?? ""));
  return { percent, price, cost, sum, bare, name };
}

function tidy(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

const COLUMNS: readonly [keyof ReadHolding, RegExp][] = [
  ["name", /symbol|ticker|name|holding|asset|wertpapier|titel|valor|activo|名称|代码|资产/i],
  ["quantity", /quantity|qty|shares|units|stück|anzahl|cantidad|数量|股数/i],
  ["cost", /cost|paid|bought|kauf|einstand|coste|compra|成本/i],
  ["price", /price|now|current|kurs|aktuell|precio|现价|价格/i],
  ["value", /value|amount|wert|betrag|importe|市值|金额/i],
  ["percent", /percent|weight|share|%|anteil|gewicht|peso|占比/i],
  ["currency", /currency|ccy|währung|moneda|货币|币种/i],
];

/** A table with a header: CSV, or columns between tabs, semicolons or bars. */
function tableIn(text: string, language: Language): ReadHolding[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !/^[\s|:-]+$/.test(line));
  const start = lines.findIndex((line) => COLUMNS.filter(([, word]) => word.test(line)).length > 1 && !/\d/.test(line));
  const separator = ["|", "\t", ";", ","].find((sign) => lines[start]?.includes(sign));
  if (separator === undefined) return [];
  const cells = (line: string) =>
    line
      .replace(/^\s*\||\|\s*$/g, "")
      .split(separator)
      .map((cell) => cell.trim());
  const columns = cells(lines[start] ?? "").map((title) => COLUMNS.find(([, word]) => word.test(title))?.[0]);
  return lines.slice(start + 1).flatMap((line): ReadHolding[] => {
    const row = new Map(cells(line).map((cell, index) => [columns[index], cell]));
    const figure = (column: keyof ReadHolding) => numberIn(row.get(column), language);
    const name = row.get("name");
    if (!name) return [];
    const currency = currencyIn(row.get("currency") ?? line);
    const figures = {
      quantity: figure("quantity"),
      cost: figure("cost"),
      price: figure("price"),
      value: figure("value"),
    };
    return [{ name, kind: kindOf(name) ?? "stock", ...figures, percent: figure("percent"), currency }];
  });
}

/** Undefined where no word of the name says so. */
function kindOf(name: string): string | undefined {
  return KINDS.find(([, words]) => words.test(name))?.[0];
}

function currencyIn(text: string): string | null {
  return (
    CURRENCIES.find(([, words]) => new RegExp(String.raw`(?<!\p{L})(?:${words})(?!\p{L})`, "iu").test(text))?.[0] ??
    null
  );
}

/** "5,000", "5.000" and "0.5": what stands before three digits groups them, unless it is the language's decimal sign. */
function numberIn(text: string | undefined, language: Language): number | null {
  const said = text === undefined ? undefined : new RegExp(NUMBER).exec(text)?.[0].replace(/[' ]/g, "");
  if (said === undefined) return null;
  const decimal = language === "de" || language === "es" ? "," : ".";
  const grouping = decimal === "," ? /\.(?=\d{3}(?!\d))/g : /,(?=\d{3}(?!\d))/g;
  const number = Number(
    said.replace(/^0\./, "0,").replace(/^0,/, `0${decimal}`).replace(grouping, "").replace(",", "."),
  );
  return Number.isFinite(number) ? number : null;
}
