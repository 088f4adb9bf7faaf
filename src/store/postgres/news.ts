/**
 * A process's connection that receives messages of the other processes. A message is only a hint, because it may be
 * lost.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

export const CHANNEL = "sluice";

const RETRY_MS = 500;

export interface NewsOptions {
  readonly url: string;
  readonly heard: (message: string) => void;
  /** Messages may have been lost: the connection is back. */
  readonly missed: () => void;
}

export class News {
  readonly #options: NewsOptions;
  #client: pg.Client | undefined;
  #closed = false;

  constructor(options: NewsOptions) {
    this.#options = options;
  }

  /** Rejects when the database cannot be reached. Once opened, the connection is reopened automatically. */
  async open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.url,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      application_name: "sluice news",
    });
    this.#client = client;
    client.on("notification", ({ payload = "" }) => this.#options.heard(payload));
    // After an error the connection ends.
    client.on("error", () => {});
    await client.connect();
    await client.query(`LISTEN ${CHANNEL}`);
    client.once("end", () => void this.#reopen());
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#client?.end();
  }

  async #reopen(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.open();
        this.#options.missed();
        return;
      } catch {
        // The database is away. The next statement that needs it reports the error.
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
