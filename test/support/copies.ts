/** For Vitest: a folder for files that the test files of one run make once and copy. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "sluice-copies-"));
  chmodSync(folder, 0o755); // A server may run as another user.
  process.env.SLUICE_TEST_COPIES = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
