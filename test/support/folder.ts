/** Makes a temporary folder for a test file, which is removed at its end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-"));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
