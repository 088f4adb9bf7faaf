/**
 * Preloaded into the server that `sluice dev` starts: reports which files were loaded, and ends when that command does.
 */
import { createRequire, register } from "node:module";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { lastWritten } from "./last-written.ts";

export interface LoadedFile {
  /** Absolute. */
  readonly path: string;
  /** The time of the last change before it was loaded. */
  readonly written: number | undefined;
}

/** The server's report to `sluice dev`: files that were loaded since the last report. */
export interface Loaded {
  readonly loaded: readonly LoadedFile[];
}

const EVERY_MS = 100;
const HURRY_MS = 250;

const { port1: imported, port2: port } = new MessageChannel();
const { cache: required } = createRequire(import.meta.url);
const reported = new Set<string>();

register(import.meta.url.replace(/preload(\.[jt]s)$/, "hooks$1"), { data: { port }, transferList: [port] });

function report(): void {
  const loaded: LoadedFile[] = [];
  for (let got = receiveMessageOnPort(imported); got; got = receiveMessageOnPort(imported)) {
    const file = got.message as LoadedFile;
    if (isNews(file.path)) loaded.push(file);
  }
  for (const path of Object.keys(required)) {
    if (isNews(path)) loaded.push({ path, written: lastWritten(path) });
  }
  if (loaded.length > 0 && process.connected) process.send?.({ loaded } satisfies Loaded);
}

function isNews(path: string): boolean {
  if (reported.has(path)) return false;
  reported.add(path);
  return !/[\\/]node_modules[\\/]/.test(path);
}

setInterval(report, EVERY_MS).unref();
process.on("exit", report);

// If `sluice dev` is killed, the server has to end by itself. The second signal makes it end at once.
process.on("disconnect", () => {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.kill(process.pid, "SIGTERM"), HURRY_MS).unref();
});
