/** A folder of a test's own, gone when the test file is through. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-"));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
