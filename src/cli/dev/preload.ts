/** Preloaded into the server that `sluice dev` starts: tells it which files were loaded, and ends when it does. */
import { createRequire, register } from "node:module";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";

/** What the server tells `sluice dev`: files that were loaded since it last did, absolute. */
export interface Loaded {
  readonly loaded: readonly string[];
}

const EVERY_MS = 200;

const { port1: imported, port2: port } = new MessageChannel();
const { cache: required } = createRequire(import.meta.url);
const told = new Set<string>();

register(import.meta.url.replace(/preload(\.[jt]s)$/, "hooks$1"), { data: { port }, transferList: [port] });

function tell(): void {
  const files = Object.keys(required);
  for (let got = receiveMessageOnPort(imported); got; got = receiveMessageOnPort(imported)) {
    files.push(fileURLToPath(String(got.message)));
  }
  const loaded = files.filter((file) => !told.has(file) && !/[\\/]node_modules[\\/]/.test(file));
  for (const file of loaded) told.add(file);
  if (loaded.length > 0 && process.connected) process.send?.({ loaded } satisfies Loaded);
}

setInterval(tell, EVERY_MS).unref();
process.on("exit", tell);

// Nobody would end it when `sluice dev` was killed. Twice: a server takes the second for impatience.
process.on("disconnect", () => {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.kill(process.pid, "SIGTERM"), EVERY_MS).unref();
});
