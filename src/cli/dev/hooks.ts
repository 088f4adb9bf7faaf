/** Runs beside the modules of the server that `sluice dev` starts, on Node's thread for that: sees what is imported. */
import type { LoadHook } from "node:module";
import type { MessagePort } from "node:worker_threads";

let port: MessagePort;

export function initialize(data: { readonly port: MessagePort }): void {
  port = data.port;
}

export const load: LoadHook = (url, context, nextLoad) => {
  if (url.startsWith("file:")) port.postMessage(url);
  return nextLoad(url, context);
};
