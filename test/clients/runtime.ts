/** Runs CopilotKit's runtime, with its packages from npm, in a separate process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Starts the runtime in front of the Sluice at `sluice`. */
export async function startRuntime(sluice: string): Promise<{ readonly url: string; close(): void }> {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, ["test/clients/copilotkit-runtime.mjs", sluice], {
    env: { PATH, COPILOTKIT_TELEMETRY_DISABLED: "true" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close").then(([code]) => {
    throw new Error(`CopilotKit's runtime ended with ${code}.`);
  });
  ended.catch(() => {}); // The tests end it on purpose.
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith("http:")) return { url: line, close: () => void child.kill() };
  }
  return ended;
}
