/** `npm run dev`: runs `sluice dev` from the sources. A change of the sources restarts the server. */
import { join } from "node:path";
import { followShell } from "./follow-shell.mjs";
import { ensureInstalled, ROOT } from "./setup.mjs";

ensureInstalled();
followShell();

// The servers that it starts inherit this process's Node options.
process.execArgv.push("--import", import.meta.resolve("tsx"));
const [node, , ...rest] = process.argv;
process.argv = [node, join(ROOT, "src", "main.ts"), "dev", ...rest];
await import("tsx");
await import("../src/main.ts");
