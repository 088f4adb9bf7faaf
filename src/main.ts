#!/usr/bin/env node
/** The process: chooses the command, loads only its code, and sets the exit code. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Command, type CommandContext, UsageError } from "./cli/command.ts";
import { ConfigError } from "./config/config-error.ts";

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import("./cli/init.ts")).init,
  serve: async () => (await import("./cli/serve.ts")).serve,
  dev: async () => (await import("./cli/dev.ts")).dev,
  chat: async () => (await import("./cli/chat.ts")).chat,
  key: async () => (await import("./cli/key.ts")).key,
  doctor: async () => (await import("./cli/doctor.ts")).doctor,
  check: async () => (await import("./cli/check.ts")).check,
  audit: async () => (await import("./cli/audit.ts")).audit,
};

const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), "..");

const context: CommandContext = {
  packageRoot,
  version: (JSON.parse(readFileSync(resolve(packageRoot, "package.json"), "utf8")) as { version: string }).version,
  cwd: process.cwd(),
  print: (line) => void process.stdout.write(`${line}\n`),
  printError: (line) => void process.stderr.write(`${line}\n`),
};

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  if (["-v", "--version"].includes(name)) {
    context.print(context.version);
    return 0;
  }
  if (["-h", "--help"].includes(name)) {
    context.print(await usage());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? await COMMANDS[name]?.() : undefined;
  if (command) return run(command, args);
  return refuse(name ? `There is no command "${name}".` : "Which command?", await usage());
}

async function usage(): Promise<string> {
  const lines = Object.entries(COMMANDS).map(async ([name, load]) => `  ${name.padEnd(14)}${(await load()).summary}`);
  return `Usage: sluice <command> [...]

${(await Promise.all(lines)).join("\n")}

Options:
  -h, --help      this, or what a command takes: sluice serve --help
  -v, --version   the version`;
}

async function run(command: Command, args: readonly string[]): Promise<number> {
  try {
    const options = { ...command.options, help: { type: "boolean", short: "h" } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (!values.help) return await command.run({ values, positionals }, context);
    context.print(command.usage);
    return 0;
  } catch (error) {
    const wrongUsage = usageMistake(error);
    const document = wrongUsage && command.failure?.(wrongUsage, args);
    if (document) {
      context.print(document);
      return 2;
    }
    if (wrongUsage) return refuse(wrongUsage, command.usage);
    context.printError(`sluice: ${error instanceof ConfigError ? error.message : failure(error)}`);
    return 1;
  }
}

function usageMistake(error: unknown): string | undefined {
  if (error instanceof UsageError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  // Node's message continues with a hint about positional arguments that begin with a dash.
  return code?.startsWith("ERR_PARSE_ARGS") ? message.split(". ", 1)[0] : undefined;
}

function failure(error: unknown): string {
  const { code, stack, syscall, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === "EADDRINUSE")
    return `Port ${port} is in use. Choose another with --port or PORT; 0 chooses a free port.`;
  if (code === "EACCES" && syscall === "listen")
    return "This process may not listen on the port. Set PORT to a number above 1023.";
  if (code === "EADDRNOTAVAIL" || syscall === "getaddrinfo") {
    return `HOST is not an address of this machine (${code}). Set it to 127.0.0.1, or to 0.0.0.0 for all addresses.`;
  }
  return stack ?? String(error);
}

function refuse(complaint: string, usage: string): number {
  context.printError(`sluice: ${complaint}\n\n${usage}`);
  return 2;
}

const code = await main(process.argv.slice(2));
// A graph may keep the process alive, for example with an open database. So the process exits itself, after all output
// is written.
process.stdout.write("", () => process.exit(code));
