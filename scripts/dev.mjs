/** `npm run dev`: `sluice dev` from the sources, which are among the files whose change starts the server again. */
import { join } from "node:path";
import { followShell } from "./follow-shell.mjs";
import { ensureInstalled, ROOT } from "./setup.mjs";

ensureInstalled();
followShell();

// The servers it starts inherit Node's options of this process.
process.execArgv.push("--import", import.meta.resolve("tsx"));
const [node, , ...rest] = process.argv;
process.argv = [node, join(ROOT, "src", "main.ts"), "dev", ...rest];
await import("tsx");
await import("../src/main.ts");
