/** `sluice dev`: the server, started anew when a file it is made of changes. This process loads none of them itself. */
import { createServer } from "node:net";
import { relative, resolve } from "node:path";
import type { Config, ConfigSources } from "../config/config.ts";
import { graphFile } from "../protocol/graph-file.ts";
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
    const [{ FileWatcher }, { ServerProcess }, { peekConfig }] = await Promise.all([
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
    let port: number | undefined;
    for (;;) {
      const config = peek(() => peekConfig(sources));
      // A port that was free is chosen once: clients come back to where they were.
      if (config?.PORT === 0) port ??= await freePort(config.HOST);
      watcher.add(config?.files ?? likelyFiles(sources));
      const server = new ServerProcess(serveArgs(sources, port), context.cwd, (files) => watcher.add(files));
      let changed = await Promise.race([watcher.next(), server.ended, stopped]);
      if (!changed && !stop.signal.aborted) {
        context.printError("sluice dev: waiting for a change.");
        changed = await Promise.race([watcher.next({ newFiles: true }), stopped]);
      }
      await server.stop();
      if (!changed) break;
      context.print(`sluice dev: ${relative(context.cwd, changed)} has changed.`);
    }
    watcher.close();
    return 0;
  },
};

/** The configuration as it is now. That it is wrong is told by the server, which finds it so too. */
function peek(read: () => Config): Config | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** What a person edits to mend a configuration that is wrong. */
function likelyFiles({ cwd, graphs = [], configFile }: ConfigSources): string[] {
  const files = [".env", configFile ?? "config/agents.json", "langgraph.json"];
  return [...files, ...graphs.map((graph) => graphFile(graph).file)].map((file) => resolve(cwd, file));
}

/** What was typed, for `sluice serve`. */
function serveArgs({ graphs = [], configFile, settings = {} }: ConfigSources, port: number | undefined): string[] {
  const options = { config: configFile, host: settings.HOST, port: port === undefined ? settings.PORT : String(port) };
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  return [...given, "--", ...graphs];
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(0, host, listening);
  });
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === "object" && address !== null ? address.port : 0;
}
