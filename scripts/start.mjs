/** `npm start`: serves from a fresh clone. */
import { join } from "node:path";
import { followShell } from "./follow-shell.mjs";
import { ensureBuilt, ensureInstalled, ROOT } from "./setup.mjs";

ensureInstalled();
ensureBuilt();
followShell();

// In this process, not in a child: signals reach the server itself, and its exit code is ours.
const [node, , ...rest] = process.argv;
process.argv = [node, join(ROOT, "dist", "main.js"), "serve", ...rest];
await import("../dist/main.js");
