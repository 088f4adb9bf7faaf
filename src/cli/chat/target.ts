/** The server that gets the questions: a running server, or a server that is started for them and leaves no traces. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { isRecord } from "../../protocol/input.ts";
import { type CommandContext, UsageError } from "../command.ts";

export interface Target {
  /** Its WebSocket. */
  readonly url: string;
  /** Sent with each request, such as a sign-in. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Its name for people. */
  readonly name: string;
  /** The argument with which `sluice doctor` examines it. */
  readonly examined: string;
  /** The names of its agents; the first answers by default. */
  agents(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/**
 * A running server, by any form of its address: `http://host`, `wss://host/base/ws`, `localhost:8123`.
 * @throws UsageError when it is no address.
 */
export function remoteTarget(address: string, headers: Readonly<Record<string, string>> = {}): Target {
  const url = address.includes("://") ? address : `http://${address}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^(http|ws)s?:$/.test(parsed.protocol)) {
    throw new UsageError("--url is no address. Valid is one like http://127.0.0.1:8123 or wss://example.com/ws.");
  }
  const { protocol, host, pathname } = parsed;
  parsed.protocol = protocol.replace("http", "ws");
  parsed.hash = "";
  parsed.pathname = pathname.replace(/(\/ws)?\/*$/, "/ws");
  const agents = () => agentsAt(parsed, headers);
  return { url: parsed.href, headers, name: host, examined: url, agents, close: async () => {} };
}

async function agentsAt(ws: URL, headers: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const response = await fetch(new URL("agui/info", ws.href.replace(/^ws/, "http")), { headers });
  if (!response.ok) throw new Error(`the server answers ${response.status}`);
  const { agents } = (await response.json()) as { readonly agents?: unknown };
  if (!isRecord(agents)) throw new Error("the server does not list them");
  return Object.keys(agents);
}

/**
 * The agents that `sluice serve` would serve here, on a port of their own. Their threads are kept in a temporary
 * folder, so that a running server is not disturbed. `failed` receives the full error of a run: clients get no paths,
 * but the graph's author sits at this terminal.
 * @throws ConfigError when a setting, or a graph, is wrong.
 */
export async function localTarget(
  { graph, config: configFile }: { readonly graph?: string | undefined; readonly config?: string | undefined },
  { cwd, packageRoot, version }: CommandContext,
  failed: (why: string) => void,
): Promise<Target> {
  // These modules are loaded only here, because loading a server takes time that a remote server does not need.
  const [{ loadConfig }, { appFromConfig }, { silent }, { whyItThrew }] = await Promise.all([
    import("../../config/config.ts"),
    import("../../app/from-config.ts"),
    import("../../ops/logger.ts"),
    import("../../graph/loading/failure.ts"),
  ]);
  const folder = mkdtempSync(join(tmpdir(), "sluice-chat-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const graphs = graph === undefined ? [] : [graph];
  const settings = { HOST: "127.0.0.1", PORT: "0", DATA_DIR: folder, DRAIN_SECONDS: "0.001" };
  const config = loadConfig({ cwd, packageRoot, graphs, configFile, settings });
  const warn = (fields: object) => {
    if ("err" in fields && fields.err) void whyItThrew(fields.err, cwd).then(failed);
  };
  const app = await appFromConfig(config, packageRoot, version, { ...silent, warn });
  const url = await app.listen();
  const [first = "", ...others] = Object.keys(config.agents);
  return {
    url: `${url.replace("http", "ws")}/ws`,
    name: others.length > 0 ? `${first} (others by --agent: ${others.join(", ")})` : first,
    examined:
      graph ?? `--config ${configFile ?? relative(cwd, config.files.find((file) => file.endsWith(".json")) ?? "")}`,
    agents: async () => Object.keys(config.agents),
    close: () => app.close(),
  };
}
