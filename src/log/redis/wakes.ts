/** One connection of a process that hears which topics grew. A message is a hint: the reader asks the log. */
import type { Redis } from "ioredis";
import { type Cursor, parseCursor } from "../../protocol/cursor.ts";
import type { Topic } from "../../protocol/ids.ts";
import type { Waiting } from "../waiting.ts";

/** Redis may lose a message without a sign. So a topic that is waited for is asked about at this pace. */
const ASK_AGAIN_MS = 10_000;

export class Wakes {
  readonly #redis: Redis;
  readonly #waiting: Waiting;
  readonly #channelOf: (topic: Topic) => string;
  readonly #topics = new Map<string, Topic>();
  readonly #timer: NodeJS.Timeout;

  /** `heard` is called for each message, with the topic's head, where the message has one. */
  constructor(
    redis: Redis,
    waiting: Waiting,
    channelOf: (topic: Topic) => string,
    heard: (topic: Topic, head: Cursor | undefined) => void,
  ) {
    this.#redis = redis;
    this.#waiting = waiting;
    this.#channelOf = channelOf;
    redis.on("smessage", (channel: string, message: string) => {
      const topic = this.#topics.get(channel);
      if (topic) heard(topic, parseCursor(message));
    });
    // Messages from the time without a connection are lost.
    redis.on("ready", () => this.#wakeAll());
    this.#timer = setInterval(() => this.#tidy(), ASK_AGAIN_MS);
    this.#timer.unref();
  }

  /** Subscribes to a topic. A reader that read before the subscription held is woken once more. */
  want(topic: Topic): void {
    const channel = this.#channelOf(topic);
    if (this.#topics.has(channel)) return;
    this.#topics.set(channel, topic);
    this.#redis.ssubscribe(channel).then(
      () => this.#waiting.wake(topic),
      // Asked for again by the next reader that waits.
      () => this.#topics.delete(channel),
    );
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #wakeAll(): void {
    for (const topic of this.#waiting.topics()) this.#waiting.wake(topic);
  }

  /** Followers wait, read and wait again: what nobody waits for now is left only here. */
  #tidy(): void {
    for (const [channel, topic] of this.#topics) {
      if (this.#waiting.has(topic)) continue;
      this.#topics.delete(channel);
      // A connection that is away forgets its channels when it comes back without them.
      this.#redis.sunsubscribe(channel).catch(() => {});
    }
    this.#wakeAll();
  }
}
