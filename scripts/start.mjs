/** `npm start`: serves from a fresh clone. */
import { join } from "node:path";
import { followShell } from "./follow-shell.mjs";
import { ensureBuilt, ensureInstalled, ROOT } from "./setup.mjs";

ensureInstalled();
ensureBuilt();
followShell();

// The server runs in this process, so that it receives signals and sets the exit code.
const [node, , ...rest] = process.argv;
process.argv = [node, join(ROOT, "dist", "main.js"), "serve", ...rest];
await import("../dist/main.js");
