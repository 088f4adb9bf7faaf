/** Judges whether the tokens arrived as they were made, or all at once. */
import { percentile } from "./measures.ts";

/** One event with a piece of a message in it. */
export interface Token {
  /** Milliseconds since the run was requested. */
  readonly at: number;
  readonly characters: number;
  /** The span that it is a piece of: a message, a reasoning or a tool call. */
  readonly span: string;
}

export interface Check {
  readonly name: string;
  readonly passed: boolean;
  /** The findings, in either case. */
  readonly found: string;
}

export interface Spread {
  readonly tokens: number;
  readonly characters: number;
  readonly firstMs: number;
  /** From the first token to the last. */
  readonly spanMs: number;
  /**
   * The share of the time up to the last token in which tokens arrived, 0 to 1. It is low if a model thinks in silence.
   */
  readonly share: number;
  readonly perSecond: number;
  /** The number of instants at which tokens arrived. Tokens within ARRIVAL_MS are one arrival. */
  readonly arrivals: number;
  readonly gaps: { readonly p50: number; readonly p95: number; readonly max: number };
  /** Empty when the answer is too short to tell. */
  readonly checks: readonly Check[];
}

/** Fewer tokens, or a shorter span from the question to the last of them, show nothing: a burst looks the same. */
const ENOUGH = { tokens: 5, ms: 200 };
/** Tokens within this time came in one write of the server, even if it took several reads here. */
const ARRIVAL_MS = 1;
/** A burst has most of the tokens in one short time, after a wait in which they could have come. */
const BURST = { ms: 50, share: 0.9 };
/**
 * The number of arrivals that is enough for any answer. A short answer needs one arrival for every eighth token, but at
 * least two.
 */
const ENOUGH_ARRIVALS = 20;
const TOKENS_AN_ARRIVAL = 8;
/**
 * The share of a span's time that one pause may take. It applies only to spans with this many tokens, so that one token
 * that is late on a busy machine does not decide.
 */
const SILENCE = { share: 0.8, tokens: 20 };

export function judgeSpread(tokens: readonly Token[]): Spread {
  const times = tokens.map(({ at }) => at);
  const [first = Number.NaN] = times;
  const last = times.at(-1) ?? Number.NaN;
  const spanMs = last - first;
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  const arrivals = countArrivals(times);
  const enough = tokens.length >= ENOUGH.tokens && last >= ENOUGH.ms;
  return {
    tokens: tokens.length,
    characters: tokens.reduce((sum, { characters }) => sum + characters, 0),
    firstMs: first,
    spanMs,
    share: spanMs / last,
    perSecond: (tokens.length - 1) / (spanMs / 1_000),
    arrivals,
    gaps: { p50: percentile(gaps, 0.5), p95: percentile(gaps, 0.95), max: percentile(gaps, 1) },
    checks: enough ? [notOneBurst(times), manyArrivals(tokens.length, arrivals), noLongSilence(tokens)] : [],
  };
}

function countArrivals(times: readonly number[]): number {
  let count = 0;
  let began = Number.NEGATIVE_INFINITY;
  for (const at of times) {
    if (at - began < ARRIVAL_MS) continue;
    began = at;
    count += 1;
  }
  return count;
}

function notOneBurst(times: readonly number[]): Check {
  let busiest = 0;
  let from = 0;
  times.forEach((at, index) => {
    while (at - (times[from] ?? at) > BURST.ms) from += 1;
    busiest = Math.max(busiest, index - from + 1);
  });
  return {
    name: "not in one burst",
    passed: busiest <= times.length * BURST.share,
    found: `${busiest} of ${times.length} tokens within ${BURST.ms} ms, at most ${percent(BURST.share)} may be`,
  };
}

function manyArrivals(tokens: number, arrivals: number): Check {
  const wanted = Math.max(2, Math.min(ENOUGH_ARRIVALS, Math.ceil(tokens / TOKENS_AN_ARRIVAL)));
  return {
    name: "spread in time",
    passed: arrivals >= wanted,
    found: `${tokens} tokens arrived at ${arrivals} instants, at least ${wanted} are wanted`,
  };
}

/** Only pauses within a span count: between two spans, a tool may work or a model may think. */
function noLongSilence(tokens: readonly Token[]): Check {
  const spans = new Map<string, number[]>();
  for (const { span, at } of tokens) spans.set(span, [...(spans.get(span) ?? []), at]);
  const silences = [...spans.values()]
    .filter((times) => times.length >= SILENCE.tokens)
    .map((times) => {
      const longest = Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at)));
      return { longest, share: longest / ((times.at(-1) ?? 0) - (times[0] ?? 0)) };
    });
  const worst = silences.toSorted((a, b) => b.share - a.share)[0];
  return {
    name: "no long silence",
    passed: !worst || worst.share <= SILENCE.share,
    found: worst
      ? `the longest gap inside a message was ${worst.longest.toFixed(0)} ms, ${percent(worst.share)} of its time; at most ${percent(SILENCE.share)} may be`
      : `no message has the ${SILENCE.tokens} tokens it takes to tell`,
  };
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
