/** Builds another commit of this repository, for a comparison. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../setup.mjs";

/**
 * Builds a commit in a temporary folder, with this checkout's packages. The folder is removed when the process ends.
 */
export function buildOf(ref: string): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const git = (...args: string[]) => execFileSync("git", args, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  git("worktree", "add", "--detach", folder, ref);
  process.once("exit", () => {
    rmSync(folder, { recursive: true, force: true });
    git("worktree", "prune");
  });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const dist = join(folder, "dist");
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [tsc, "--project", folder, "--outDir", dist], { stdio: "inherit" });
  return `${dist}/`;
}
