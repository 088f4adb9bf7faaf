/**
 * A process's connection that receives the names of topics that grew. A message is only a hint: the reader reads the
 * log.
 */
import type { Redis } from "ioredis";
import { type Cursor, parseCursor } from "../../protocol/cursor.ts";
import type { Topic } from "../../protocol/ids.ts";
import type { Watchers } from "../watchers.ts";

/** Redis may lose a message without a sign. So a topic that is watched is asked about at this pace. */
const ASK_AGAIN_MS = 10_000;

export class Wakes {
  readonly #redis: Redis;
  readonly #watchers: Watchers;
  readonly #channelOf: (topic: Topic) => string;
  readonly #wanted: (topic: Topic) => boolean;
  readonly #topics = new Map<string, Topic>();
  readonly #timer: NodeJS.Timeout;

  /**
   * `wanted`: topics that stay subscribed although nobody watches them. `heard` is called for each message, with the
   * topic's head if the message has one.
   */
  constructor(
    redis: Redis,
    watchers: Watchers,
    channelOf: (topic: Topic) => string,
    wanted: (topic: Topic) => boolean,
    heard: (topic: Topic, head: Cursor | undefined) => void,
  ) {
    this.#redis = redis;
    this.#watchers = watchers;
    this.#channelOf = channelOf;
    this.#wanted = wanted;
    redis.on("smessage", (channel: string, message: string) => {
      const topic = this.#topics.get(channel);
      if (topic) heard(topic, parseCursor(message));
    });
    redis.on("ready", () => this.#renew());
    this.#timer = setInterval(() => this.#tidy(), ASK_AGAIN_MS);
    this.#timer.unref();
  }

  /** Subscribes to a topic. A reader that read before the subscription took effect is woken once more. */
  want(topic: Topic): void {
    const channel = this.#channelOf(topic);
    if (this.#topics.has(channel)) return;
    this.#topics.set(channel, topic);
    this.#subscribe(channel, topic);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #subscribe(channel: string, topic: Topic): void {
    this.#redis.ssubscribe(channel).then(
      () => this.#watchers.wake(topic),
      // Subscribed again at the next look at all topics.
      () => this.#topics.delete(channel),
    );
  }

  /** A new connection has no subscriptions, and messages from the time without one are lost. */
  #renew(): void {
    for (const [channel, topic] of this.#topics) this.#subscribe(channel, topic);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const topic of this.#watchers.topics()) {
      this.want(topic);
      this.#watchers.wake(topic);
    }
  }

  /**
   * Unsubscribes from topics that nobody wants. It does not happen earlier, because the next reader of a thread often
   * comes soon.
   */
  #tidy(): void {
    for (const [channel, topic] of this.#topics) {
      if (this.#watchers.has(topic) || this.#wanted(topic)) continue;
      this.#topics.delete(channel);
      // If the connection is away, it comes back without the channel.
      this.#redis.sunsubscribe(channel).catch(() => {});
    }
    this.#wakeAll();
  }
}
