/**
 * Reports every few seconds that its process lives. It has its own thread, so that a process whose main thread is busy
 * does not count as dead.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import pg from "pg";
import { BEAT_MS, type HeartbeatData, LEASE_MS, RETRY_MS } from "./heartbeat.ts";

const LEASE_NS = BigInt(LEASE_MS) * 1_000_000n;

const { url, instance, times } = workerData as HeartbeatData;

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: BEAT_MS,
    query_timeout: BEAT_MS,
    application_name: "sluice heartbeat",
  });
  // The next heartbeat reports it.
  client.on("error", () => {});
  await client.connect();
  return client;
}

let client: pg.Client | undefined;
let stopped = false;
const ended = new AbortController();
parentPort?.once("message", () => {
  stopped = true;
  ended.abort();
});

while (!stopped) {
  const sentAt = process.hrtime.bigint();
  let wait = BEAT_MS;
  try {
    client ??= await connect();
    await client.query(
      "INSERT INTO sluice.instances (instance) VALUES ($1) ON CONFLICT (instance) DO UPDATE SET seen_at = now()",
      [instance],
    );
    const last = Atomics.load(times, 0);
    if (last !== 0n && sentAt - last > LEASE_NS) Atomics.add(times, 2, 1n);
    if (Atomics.load(times, 1) === 0n) Atomics.store(times, 1, sentAt);
    Atomics.store(times, 0, sentAt);
    parentPort?.postMessage("seen");
  } catch {
    // The main thread sees from the times how long heartbeats have failed.
    Atomics.store(times, 1, 0n);
    await client?.end().catch(() => {});
    client = undefined;
    wait = RETRY_MS;
  }
  await sleep(wait, undefined, { signal: ended.signal }).catch(() => {});
}
// The last statement: this process no longer drives any run.
await client?.query("DELETE FROM sluice.instances WHERE instance = $1", [instance]).catch(() => {});
await client?.end().catch(() => {});
