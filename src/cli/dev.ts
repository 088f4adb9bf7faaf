/**
 * `sluice dev`: starts the server again when one of its files changes. This process loads none of these files itself.
 */
import { createServer } from "node:net";
import { relative } from "node:path";
import type { Config, ConfigSources } from "../config/config.ts";
import type { Command } from "./command.ts";
import { configSources, SERVE_USAGE, serveOptions } from "./serve.ts";

export const dev: Command<typeof serveOptions> = {
  summary: "serves graphs, and starts again when one changes",
  usage: `Usage: sluice dev [<file>[:<export>] ...]

Starts again when a served file changes, or one that it imports, or the configuration. Clients come back by themselves,
and threads are kept.

${SERVE_USAGE}`,
  options: serveOptions,
  async run(args, context) {
    const sources = configSources(args, context);
    const [{ FileWatcher }, { ServerProcess }, { peekConfig, possibleFiles }] = await Promise.all([
      import("./dev/watcher.ts"),
      import("./dev/server-process.ts"),
      import("../config/config.ts"),
    ]);
    const stop = new AbortController();
    const stopped = new Promise<undefined>((resolve) =>
      stop.signal.addEventListener("abort", () => resolve(undefined)),
    );
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stop.abort());
    const watcher = new FileWatcher();
    let free: number | undefined;
    for (;;) {
      const config = peek(() => peekConfig(sources));
      // A free port is chosen once, so that clients can reconnect to the same address.
      if (config?.PORT === 0) free ??= await freePort(config.HOST);
      const port = config?.PORT === 0 ? free : undefined;
      for (const file of config?.files ?? possibleFiles(sources)) watcher.add(file);
      const server = new ServerProcess(serveArgs(sources, port), context.cwd, ({ path, written }) =>
        watcher.add(path, written),
      );
      let changed = await Promise.race([watcher.next(), server.ended, stopped]);
      if (!changed && !stop.signal.aborted) {
        const mended = watcher.next({ newFiles: true });
        context.printError("sluice dev: waiting for a change.");
        changed = await Promise.race([mended, stopped]);
      }
      await server.stop();
      if (!changed) break;
      context.print(`sluice dev: ${relative(context.cwd, changed)} has changed.`);
    }
    watcher.close();
    return 0;
  },
};

/** The present configuration. The server reads it too, and reports its errors. */
function peek(read: () => Config): Config | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The arguments for `sluice serve`. */
function serveArgs({ graphs = [], configFile, settings = {} }: ConfigSources, port: number | undefined): string[] {
  const options = { config: configFile, host: settings.HOST, port: port === undefined ? settings.PORT : String(port) };
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  return [...given, "--", ...graphs];
}

/** A free port; `undefined` when no server can listen on the host. The server reports the reason. */
function freePort(host: string): Promise<number | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}
