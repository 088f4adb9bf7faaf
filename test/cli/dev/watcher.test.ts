import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileWatcher } from "../../../src/cli/dev/watcher.ts";
import { temporaryFolder } from "../../support/folder.ts";

describe("a change to a file that is watched", () => {
  const root = temporaryFolder();
  let count = 0;
  let folder: string;
  let watcher: FileWatcher;

  beforeEach(() => {
    folder = join(root, String(count++));
    mkdirSync(folder);
    watcher = new FileWatcher();
  });

  afterEach(() => watcher.close());

  /** Writes a file with a time stamp later than all earlier ones. */
  function write(name: string): string {
    const file = join(folder, name);
    const time = Date.now() / 1_000 + count++;
    writeFileSync(file, "text");
    utimesSync(file, time, time);
    return file;
  }

  it("is heard, and so is that it goes and comes", async () => {
    const file = write("a.js");
    watcher.add(file);
    for (const change of [() => write("a.js"), () => rmSync(file), () => write("a.js")]) {
      change();
      expect(await watcher.next()).toBe(file);
    }
  });

  it("is heard when it is replaced, as some editors save", async () => {
    const file = write("a.js");
    watcher.add(file);
    renameSync(write(".a.js.tmp"), file);
    expect(await watcher.next()).toBe(file);
  });

  it("is noticed through a link", async () => {
    symlinkSync(write("real"), join(folder, ".env"));
    watcher.add(join(folder, ".env"));
    write("real");
    expect(await watcher.next()).toBe(join(folder, ".env"));
  });

  it("is heard in a folder that is not there yet, and in one that went and came back", async () => {
    const file = join(folder, "src", "a.js");
    watcher.add(file);
    for (const _ of ["first", "again"]) {
      mkdirSync(join(folder, "src"));
      write("src/a.js");
      expect(await watcher.next()).toBe(file);
      rmSync(join(folder, "src"), { recursive: true });
      expect(await watcher.next()).toBe(file);
    }
  });

  it("is heard when it was made after the file was loaded, and before it was watched", async () => {
    const file = write("a.js");
    watcher.add(file, 1);
    expect(await watcher.next()).toBe(file);
  });

  it("is not the only one when new files count: source code beside it may be what was missing", async () => {
    watcher.add(write("a.js"));
    write("b.js");
    const changed = watcher.next({ newFiles: true });
    write("note.txt");
    const missing = write("c.ts");
    expect(await changed).toBe(missing);
  });
});
