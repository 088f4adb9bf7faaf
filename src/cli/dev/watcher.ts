/** Hears of changes to files, however an editor saves them: it watches their folders, for a file may be replaced. */
import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Files are saved in several steps, and several at a time. */
const QUIET_MS = 100;

/** What somebody may write to mend a start that failed. */
const SOURCE = /\.(?:[cm]?[jt]sx?|json|env)$|^\.env/;

export class FileWatcher {
  readonly #folders = new Map<string, FSWatcher>();
  /** When each file was last written; `undefined`: it is not there. */
  readonly #written = new Map<string, number | undefined>();
  #changed: ((file: string) => void) | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #newFiles = false;

  /** From now on a change to these is heard too. Absolute paths; they need not be there yet. */
  add(files: readonly string[]): void {
    for (const file of files) {
      this.#written.set(file, lastWritten(file));
      this.#watch(dirname(file));
    }
  }

  /**
   * Resolves with the next file that changes. With `newFiles`, any file of source code counts that is beside a file
   * that is watched: it may be the one that was missing.
   */
  next({ newFiles = false } = {}): Promise<string> {
    this.#newFiles = newFiles;
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  close(): void {
    clearTimeout(this.#quiet);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #watch(folder: string): void {
    if (this.#folders.has(folder) || lastWritten(folder) === undefined) return;
    const watcher = watch(folder, (_, name) => name !== null && this.#heard(join(folder, name)));
    // A folder that goes away is watched again when it is back and one of its files is added.
    watcher.on("error", () => this.#forget(folder));
    this.#folders.set(folder, watcher);
  }

  #forget(folder: string): void {
    this.#folders.get(folder)?.close();
    this.#folders.delete(folder);
  }

  #heard(file: string): void {
    const known = this.#written.has(file);
    if (!known && !(this.#newFiles && SOURCE.test(basename(file)))) return;
    const written = lastWritten(file);
    if (known && written === this.#written.get(file)) return;
    this.#written.set(file, written);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#changed?.(file), QUIET_MS);
  }
}

function lastWritten(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
