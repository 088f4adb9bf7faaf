/** Reports the imported files of the server that `sluice dev` starts. It runs on Node's thread for module hooks. */
import type { LoadHook } from "node:module";
import { fileURLToPath } from "node:url";
import type { MessagePort } from "node:worker_threads";
import { lastWritten } from "./last-written.ts";
import type { LoadedFile } from "./preload.ts";

let port: MessagePort;

export function initialize(data: { readonly port: MessagePort }): void {
  port = data.port;
}

export const load: LoadHook = (url, context, nextLoad) => {
  if (url.startsWith("file:")) {
    const path = fileURLToPath(url);
    // The time is read before the file, so that a later change is noticed.
    port.postMessage({ path, written: lastWritten(path) } satisfies LoadedFile);
  }
  return nextLoad(url, context);
};
