/** Finds the process that keeps a file locked. */
import { readFileSync, statSync } from "node:fs";

/** `undefined`: it is not known. Only Linux lists its locks, and without the processes of other containers. */
export function lockHolder(file: string): number | undefined {
  try {
    return holderIn(readFileSync("/proc/locks", "utf8"), statSync(file).ino);
  } catch {
    return undefined;
  }
}

/** Lines are like `1: POSIX  ADVISORY  WRITE 4711 fe:00:2146505 0 EOF`. */
export function holderIn(locks: string, inode: number): number | undefined {
  const ids = locks.split("\n").flatMap((line) => {
    const [, pid, of] = /^\d+: \S+ +\S+ +WRITE +(\d+) \S+:\S+:(\d+) /.exec(line) ?? [];
    return Number(of) === inode && Number(pid) > 0 ? Number(pid) : [];
  });
  // Inodes of two devices may be equal.
  return new Set(ids).size === 1 ? ids[0] : undefined;
}
