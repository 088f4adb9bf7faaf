/** Reads the frames of an event stream: ids, data and comments, in order. */
import { createParser } from "eventsource-parser";
import type { AguiEvent } from "../../src/protocol/events.ts";

export interface SseFrame {
  readonly id?: string;
  readonly data?: string;
  readonly comment?: string;
}

export interface SseReader {
  readonly response: Response;
  /** Every frame so far. */
  readonly frames: SseFrame[];
  /**
   * Resolves with all frames so far when one of them passes the test, including earlier frames. Rejects if the stream
   * ends first.
   */
  until(test: (frame: SseFrame) => boolean): Promise<SseFrame[]>;
  /** Resolves with all frames when the server has ended the stream. Rejects if the stream is cut. */
  readonly done: Promise<SseFrame[]>;
  /** Closes the connection. */
  abort(): void;
}

/** Posts `body` and reads the answer. The answer may not be a stream: check `response` before waiting for frames. */
export async function openSse(url: string, body: unknown, headers: Record<string, string> = {}): Promise<SseReader> {
  return opened(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** Sends a `GET` and reads the answer. */
export async function watchSse(url: string, headers: Record<string, string> = {}): Promise<SseReader> {
  return opened(url, { headers });
}

async function opened(url: string, { headers, ...init }: RequestInit): Promise<SseReader> {
  const controller = new AbortController();
  const response = await fetch(url, {
    ...init,
    headers: { accept: "text/event-stream", ...(headers as Record<string, string>) },
    signal: controller.signal,
  });
  const frames: SseFrame[] = [];
  const waiting = new Set<() => void>();
  const abort = () => controller.abort();
  if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`);
  const done = read(response.body, (frame) => {
    frames.push(frame);
    for (const look of waiting) look();
  }).then(() => frames);
  done.catch(() => {});
  const until: SseReader["until"] = (test) =>
    new Promise((resolve, reject) => {
      let seen = 0;
      const look = () => {
        for (; seen < frames.length; seen += 1) {
          if (!test(frames[seen] as SseFrame)) continue;
          waiting.delete(look);
          resolve([...frames]);
          return;
        }
      };
      waiting.add(look);
      const ended = () => {
        if (waiting.delete(look)) reject(new Error(`ended after ${frames.length} frames`));
      };
      done.then(ended, ended);
      look();
    });
  return { response, frames, until, done, abort };
}

async function read(body: ReadableStream<Uint8Array>, heard: (frame: SseFrame) => void): Promise<void> {
  const feed = frameParser(heard);
  for await (const bytes of body) feed(bytes);
}

/**
 * Returns a parser for bytes in pieces of any size. Every line must be one that Sluice writes: an id, one line of data,
 * or a comment.
 */
export function frameParser(heard: (frame: SseFrame) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  const parser = createParser({
    onComment: (comment) => heard({ comment }),
    onEvent: ({ id, event, data }) => {
      if (event !== undefined || data.includes("\n")) throw new Error(`Sluice writes no such event: ${event} ${data}`);
      heard({ ...(id === undefined ? {} : { id }), data });
    },
    onError: ({ line }) => {
      throw new Error(`This is no line of an event stream: ${JSON.stringify(line)}`);
    },
  });
  return (bytes) => parser.feed(decoder.decode(bytes, { stream: true }));
}

/** Returns the data of the frames that have data. */
export function dataOf(frames: readonly SseFrame[]): string[] {
  return frames.flatMap(({ data }) => (data === undefined ? [] : [data]));
}

export function eventsOf(json: readonly string[]): AguiEvent[] {
  return json.map((text) => JSON.parse(text) as AguiEvent);
}

export function hasType(...types: string[]): (frame: SseFrame) => boolean {
  return ({ data }) => data !== undefined && types.includes((JSON.parse(data) as AguiEvent).type);
}
