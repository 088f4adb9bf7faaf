/**
 * Blocks the network and other programs in the audit's process. It is loaded before all other modules. Every attempt is
 * reported. Real tools and models that the options name may use the network, and the audit's own server can be reached.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import childProcess from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { basename } from "node:path";

const STATE = Symbol.for("sluice.audit.network");

interface Network {
  /** The attempts, and the number of times. */
  readonly attempts: Map<string, number>;
  /** Code that runs in this storage may use the network. */
  readonly open: AsyncLocalStorage<true>;
  /** All code may use the network, because the real models are called. */
  allOpen: boolean;
  /** The port of the audit's own server. */
  port: number | undefined;
}

type Named = Record<string, unknown>;

/** The block of this process. The file may be loaded more than once, but the network is blocked only once. */
export const network = known() ?? blocked();

function known(): Network | undefined {
  return (globalThis as Record<symbol, unknown>)[STATE] as Network | undefined;
}

function blocked(): Network {
  const made: Network = { attempts: new Map(), open: new AsyncLocalStorage(), allOpen: false, port: undefined };
  Object.defineProperty(globalThis, STATE, { value: made });
  const refused = (to: string): Error => {
    made.attempts.set(to, (made.attempts.get(to) ?? 0) + 1);
    return Object.assign(new Error(`An audit has no network: ${to} was not reached.`), { code: "ECONNREFUSED" });
  };
  const isOpen = () => made.allOpen || made.open.getStore() === true;

  // Every client over TCP, TLS or a local socket connects here, in every library.
  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
    const to = target(args);
    const own = to.port === made.port && made.port !== undefined && /^(127\.|localhost$|::1$)/.test(to.host);
    // The loader of TypeScript looks for the program that started it.
    const loader = /[\\/]tsx-[^\\/]+[\\/]\d+\.pipe$/.test(to.path ?? "");
    if (own || loader || isOpen()) return (connect as (...given: unknown[]) => net.Socket).apply(this, args);
    const error = refused(to.path ?? `${to.host}:${to.port}`);
    process.nextTick(() => this.destroy(error));
    return this;
  } as typeof connect;

  const datagrams = dgram.Socket.prototype as unknown as Named;
  for (const name of ["send", "connect"]) {
    refuse(datagrams, name, isOpen, () => {
      throw refused("a host, over UDP");
    });
  }
  // An address needs no lookup.
  const isLocal = ([host]: unknown[]) => isOpen() || net.isIP(String(host)) !== 0 || host === "localhost";
  for (const name of ["lookup", ...Object.keys(dns).filter((name) => /^(resolve|reverse)/.test(name))]) {
    refuse(dns as unknown as Named, name, isLocal, (args) => {
      const answer = args.at(-1);
      const error = refused(String(args[0]));
      if (typeof answer === "function") process.nextTick(() => answer(error));
    });
    refuse(dns.promises as unknown as Named, name, isLocal, (args) => Promise.reject(refused(String(args[0]))));
  }

  for (const name of ["spawn", "spawnSync", "exec", "execSync", "execFile", "execFileSync", "fork"]) {
    const programs = childProcess as unknown as Named;
    const start = programs[name] as (...args: unknown[]) => unknown;
    programs[name] = (...args: unknown[]) => {
      const program = basename(String(args[0]).split(" ", 1)[0] ?? "");
      // The loader of TypeScript starts esbuild to compile.
      if (isOpen() || /^esbuild(\.exe)?$/.test(program)) return start(...args);
      throw refused(`the program ${program}`);
    };
  }
  syncBuiltinESMExports();
  return made;
}

function refuse(
  owner: Named,
  name: string,
  isLetThrough: (args: unknown[]) => boolean,
  by: (args: unknown[]) => unknown,
): void {
  const own = owner[name];
  if (typeof own !== "function") return;
  owner[name] = function (this: unknown, ...args: unknown[]) {
    return isLetThrough(args) ? (own as (...given: unknown[]) => unknown).apply(this, args) : by(args);
  };
}

interface Target {
  readonly host: string;
  readonly port: number | undefined;
  readonly path?: string;
}

/** `connect(options)`, `connect(port, host)`, `connect(path)`; Node's own code passes these arguments in one array. */
function target(args: unknown[]): Target {
  const [first, second] = (Array.isArray(args[0]) ? args[0] : args) as unknown[];
  if (typeof first === "object" && first !== null) {
    const { host = "localhost", port, path } = first as { host?: string; port?: number | string; path?: string };
    return { host, port: port === undefined ? undefined : Number(port), ...(path ? { path } : {}) };
  }
  if (typeof first === "string" && !/^\d+$/.test(first)) return { host: "", port: undefined, path: first };
  return { host: typeof second === "string" ? second : "localhost", port: Number(first) };
}
