/**
 * Watches the calls that block this process until another process has ended: the synchronous calls of child_process.
 */
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

const NAMES = ["execSync", "execFileSync", "spawnSync"] as const;

/** Calls `seen` when such a call begins. Returns a function that ends the watch. */
export function watchBlocking(seen: () => void): () => void {
  const functions = childProcess as unknown as Record<string, (...args: unknown[]) => unknown>;
  const own = Object.fromEntries(NAMES.map((name) => [name, functions[name]]));
  let depth = 0; // One of them may call another.
  for (const name of NAMES) {
    const call = functions[name];
    if (!call) continue;
    functions[name] = (...args) => {
      if (depth === 0) seen();
      depth += 1;
      try {
        return call(...args);
      } finally {
        depth -= 1;
      }
    };
  }
  syncBuiltinESMExports();
  return () => {
    Object.assign(functions, own);
    syncBuiltinESMExports();
  };
}
