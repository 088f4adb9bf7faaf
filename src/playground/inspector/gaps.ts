/** Measures one run's tokens: the time to the first token, and the gaps between tokens. */
import type { AguiEvent } from "../../protocol/events.ts";
import type { Received } from "../transport/transport.ts";
import { Quantiles } from "./quantiles.ts";

export interface Gap {
  /** When the gap ended, in milliseconds after the run began. */
  readonly t: number;
  readonly ms: number;
}

export interface Evenness {
  /**
   * From `RUN_STARTED` to the first token, in milliseconds. `undefined` if there is no token yet, or if this page
   * missed the beginning.
   */
  readonly firstTokenMs: number | undefined;
  readonly gaps: number;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly longest: number;
  /** The number of gaps that were stalls. */
  readonly stalls: number;
  /** A longer gap is a stall, in milliseconds. */
  readonly stallMs: number;
  /** Whether the percentiles are exact. Otherwise they are within 1 %. */
  readonly exact: boolean;
}

/** Returns the length beyond which a gap is a stall. People notice a second; a slow model alone is not a stall. */
export function stallMs(p50 = 0): number {
  return Math.max(1_000, 10 * p50);
}

/** The most points that a plot of the panel's width can show. Beyond it, neighbouring points are merged. */
export const MAX_POINTS = 1_024;

/**
 * Collects the gaps of a run. A gap is the time between the arrivals of two neighbouring deltas of one message, thought
 * or call. The time of a tool is between messages, so it is not a gap. Replayed events only show the speed of the
 * connection and do not count.
 */
export class Gaps {
  readonly #quantiles = new Quantiles();
  /** When the last delta of each open message or call arrived. */
  readonly #last = new Map<string, number>();
  #points: Gap[] = [];
  #startedAt: number | undefined;
  #firstTokenMs: number | undefined;
  /** A token has arrived, live or replayed, so the next one is not the first. */
  #begun = false;
  /** This page joined the run late: events without a cursor were made for it and describe the past. */
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

  /** The gaps in order of time. For a long run, the longest gap of each group of neighbours. */
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

/** Returns whether an event is a piece of text, of reasoning or of a call's arguments. The panel calls this a token. */
export function isDelta({ type }: AguiEvent): boolean {
  return type === "TEXT_MESSAGE_CONTENT" || type === "REASONING_MESSAGE_CONTENT" || type === "TOOL_CALL_ARGS";
}

/** Without cursors, only the server's clock distinguishes a new run from one that is sent again. */
function isRecent(timestamp: number | undefined, at: number): boolean {
  return timestamp !== undefined && performance.timeOrigin + at - timestamp < 1_000;
}

/** Returns the message or call that an event belongs to. */
function spanOf(event: AguiEvent): string | undefined {
  if ("toolCallId" in event && event.toolCallId) return `call ${event.toolCallId}`;
  if ("messageId" in event && event.messageId) return `message ${event.messageId}`;
  return undefined;
}

/** Keeps the longer of each two neighbouring gaps, so outliers stay. */
function halved(points: readonly Gap[]): Gap[] {
  const kept: Gap[] = [];
  for (let index = 0; index < points.length; index += 2) {
    const [a, b] = points.slice(index, index + 2);
    if (a) kept.push(b && b.ms > a.ms ? b : a);
  }
  return kept;
}
