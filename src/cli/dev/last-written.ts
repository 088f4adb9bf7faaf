import { statSync } from "node:fs";

/** When a file was last written, in milliseconds since 1970; `undefined`: it is not there. Links are followed. */
export function lastWritten(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined; // This includes a file that may not be read, or whose folder has become a file.
  }
}
