/** An example as people start it: its own `npm start`, on ports that are free. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { afterAll, afterEach } from "vitest";

export const EXAMPLES = resolve("examples");

export interface Started {
  /** The URL of its page. */
  readonly url: string;
  /** Everything it printed so far. */
  readonly printed: () => string;
}

/** Starts examples for a test file, each in a copy of its folder, and stops them after the test. */
export function examplesForFile() {
  const children = new Set<ChildProcess>();
  mkdirSync("test/.tmp", { recursive: true });
  const folder = mkdtempSync(resolve("test/.tmp/examples-"));

  afterEach(async () => {
    await Promise.all([...children].map(stop));
    children.clear();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** It has started once each of the `signs` was printed; the first has the address. */
  return async (
    name: string,
    env: Readonly<Record<string, string>> = {},
    signs: readonly RegExp[] = [/Open (http:\S+)/],
  ): Promise<Started> => {
    const cwd = mkdtempSync(join(folder, `${name}-`));
    const modules = join(EXAMPLES, name, "node_modules");
    if (!existsSync(modules))
      throw new Error(`examples/${name} is not installed: npm run example -- --install ${name}`);
    // Its files stay out of the checkout.
    const filter = (path: string) => !["node_modules", "data", "dist", ".next"].includes(basename(path));
    cpSync(join(EXAMPLES, name), cwd, { recursive: true, filter });
    symlinkSync(modules, join(cwd, "node_modules"), "junction");
    const { PATH = "", HOME = "" } = process.env;
    // In a group of its own: npm does not pass signals on to all that it starts.
    const child = spawn("npm", ["start"], {
      cwd,
      env: { PATH, HOME, PORT: "0", NO_COLOR: "1", NEXT_TELEMETRY_DISABLED: "1", ...env },
      detached: true,
    });
    children.add(child);
    let out = "";
    const url = await new Promise<string>((open, failed) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (text: Buffer) => {
          out += text.toString();
          const found = signs.map((sign) => sign.exec(out));
          if (found.every((match) => match)) open(found[0]?.[1] ?? "");
        });
      }
      child.once("close", (code) => failed(new Error(`examples/${name} ended with ${code}:\n${out}`)));
    });
    return { url, printed: () => out };
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const closed = new Promise((resolve) => child.once("close", resolve));
  process.kill(-child.pid, "SIGKILL");
  await closed;
}
