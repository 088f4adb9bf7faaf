/** The evenness of one run's tokens: the time to the first, and the gaps between them. */
import type { AguiEvent } from "../../protocol/events.ts";
import type { Received } from "../transport/transport.ts";
import { Quantiles } from "./quantiles.ts";

export interface Gap {
  /** When it ended, in milliseconds after the run began. */
  readonly t: number;
  readonly ms: number;
}

export interface Evenness {
  /** From `RUN_STARTED` to the first token, in milliseconds. None: this page was not there, or none has come. */
  readonly firstTokenMs: number | undefined;
  readonly gaps: number;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly longest: number;
  /** The number of gaps that were stalls. */
  readonly stalls: number;
  /** From how long on a gap is a stall. */
  readonly stallMs: number;
  /** Are the percentiles exact? If not, they are within 1 %. */
  readonly exact: boolean;
}

/** Longer than this is a stall: people notice a second, and a slow model is no stall of its own. */
export function stallMs(p50 = 0): number {
  return Math.max(1_000, 10 * p50);
}

/** As many points as a plot of a panel's width can show; beyond it neighbours become one. */
export const MAX_POINTS = 1_024;

/**
 * A gap lies between two neighbouring deltas of one message, thought or call, as they arrived. A tool's time lies
 * between messages, and is none. Replayed events show how fast the connection is, and do not count.
 */
export class Gaps {
  readonly #quantiles = new Quantiles();
  /** When the last delta of each open message or call came. */
  readonly #last = new Map<string, number>();
  #points: Gap[] = [];
  #startedAt: number | undefined;
  #firstTokenMs: number | undefined;
  /** A token has come, live or not: another is not the first. */
  #begun = false;
  /** This page came late: what was made for it alone, without a cursor, had happened before. */
  #late = false;

  push({ event, at, cursor, replayed }: Received): void {
    if (event.type === "RUN_STARTED") {
      this.#late = !replayed && cursor === undefined && !isRecent(event.timestamp, at);
      this.#begun ||= this.#late || replayed;
      this.#startedAt ??= at;
      this.#last.clear();
      return;
    }
    const id = spanOf(event);
    if (id === undefined) return;
    if (!isDelta(event)) {
      if (event.type.endsWith("_END")) this.#last.delete(id);
      return;
    }
    const live = !replayed && !(this.#late && cursor === undefined);
    this.#startedAt ??= at;
    if (live) this.#token(id, at, this.#startedAt);
    else this.#last.clear();
    this.#begun = true;
  }

  /** Every gap, the earliest first; of a long run, the longest of each neighbourhood. */
  get points(): readonly Gap[] {
    return this.#points;
  }

  get evenness(): Evenness {
    const p50 = this.#quantiles.percentile(0.5);
    return {
      firstTokenMs: this.#firstTokenMs,
      gaps: this.#quantiles.count,
      p50,
      p95: this.#quantiles.percentile(0.95),
      longest: this.#quantiles.longest,
      stalls: this.#quantiles.countAbove(stallMs(p50)),
      stallMs: stallMs(p50),
      exact: this.#quantiles.exact,
    };
  }

  #token(id: string, at: number, startedAt: number): void {
    if (!this.#begun) this.#firstTokenMs = at - startedAt;
    const last = this.#last.get(id);
    this.#last.set(id, at);
    if (last === undefined) return;
    this.#quantiles.add(at - last);
    this.#points.push({ t: at - startedAt, ms: at - last });
    if (this.#points.length > MAX_POINTS) this.#points = halved(this.#points);
  }
}

/** A piece of text, of reasoning or of a call's arguments: what the panel calls a token. */
export function isDelta({ type }: AguiEvent): boolean {
  return type === "TEXT_MESSAGE_CONTENT" || type === "REASONING_MESSAGE_CONTENT" || type === "TOOL_CALL_ARGS";
}

/** If events have no cursor, only the server's clock distinguishes a run that begins from one that is repeated. */
function isRecent(timestamp: number | undefined, at: number): boolean {
  return timestamp !== undefined && performance.timeOrigin + at - timestamp < 1_000;
}

/** The message or call that an event belongs to. */
function spanOf(event: AguiEvent): string | undefined {
  if ("toolCallId" in event && event.toolCallId) return `call ${event.toolCallId}`;
  if ("messageId" in event && event.messageId) return `message ${event.messageId}`;
  return undefined;
}

/** The longer of two neighbouring gaps: an outlier stays. */
function halved(points: readonly Gap[]): Gap[] {
  const kept: Gap[] = [];
  for (let index = 0; index < points.length; index += 2) {
    const [a, b] = points.slice(index, index + 2);
    if (a) kept.push(b && b.ms > a.ms ? b : a);
  }
  return kept;
}
