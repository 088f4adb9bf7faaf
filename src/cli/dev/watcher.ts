/**
 * Notices changes to files by checking them again and again. There are few files, and this works however an editor
 * saves them, with links, and when a folder is removed and made again.
 */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { lastWritten } from "./last-written.ts";

/**
 * Milliseconds between two looks. Files are saved in several steps, and several at a time. A change ends when a look
 * finds no new change.
 */
const EVERY_MS = 100;

/** Files that a user may add to repair a failed start. */
const SOURCE = /\.(?:[cm]?[jt]sx?|json|env)$|^\.env/;

type Written = Map<string, number | undefined>;

export class FileWatcher {
  readonly #files: Written = new Map();
  /** The source files beside them, while they are watched too. */
  #beside: Written | undefined;
  #changed: string | undefined;
  #report: ((file: string) => void) | undefined;
  readonly #timer = setInterval(() => this.#look(), EVERY_MS);

  /**
   * Watches this file too. The path is absolute, and the file need not exist yet. `written` is the time of the last
   * known change.
   */
  add(file: string, written = lastWritten(file)): void {
    if (!this.#files.has(file)) this.#files.set(file, written);
  }

  /**
   * Resolves with the next file that changes. With `newFiles`, any file of source code counts that is beside a file
   * that is watched: it may be the file that was missing.
   */
  next({ newFiles = false } = {}): Promise<string> {
    this.#beside = newFiles ? new Map(this.#sources().map((file) => [file, lastWritten(file)])) : undefined;
    return new Promise((resolve) => {
      this.#report = resolve;
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const changed = changedIn(this.#files) ?? this.#changedBeside();
    if (changed === undefined && this.#changed !== undefined) this.#report?.(this.#changed);
    this.#changed = changed;
  }

  #changedBeside(): string | undefined {
    if (!this.#beside) return undefined;
    for (const file of this.#sources()) if (!this.#beside.has(file)) this.#beside.set(file, undefined);
    return changedIn(this.#beside);
  }

  #sources(): string[] {
    const folders = new Set([...this.#files.keys()].map((file) => dirname(file)));
    return [...folders].flatMap((folder) => sourceNames(folder).map((name) => join(folder, name)));
  }
}

/** A file that was written since the last look. */
function changedIn(files: Written): string | undefined {
  let changed: string | undefined;
  for (const [file, before] of files) {
    const now = lastWritten(file);
    if (now === before) continue;
    files.set(file, now);
    changed ??= file;
  }
  return changed;
}

/** The names of source code in a folder. */
function sourceNames(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => SOURCE.test(name));
  } catch {
    return []; // A folder that cannot be read counts as empty: no file in it can be loaded.
  }
}
