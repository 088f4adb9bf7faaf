/** Runs beside the modules of the server that `sluice dev` starts, on Node's thread for that: sees what is imported. */
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
    // Looked at before it is read, so that no later change passes for what was loaded.
    port.postMessage({ path, written: lastWritten(path) } satisfies LoadedFile);
  }
  return nextLoad(url, context);
};
