/** The process that keeps a file locked, in Linux's list of locks. */
import { expect, test } from "vitest";
import { holderIn } from "../../src/store/lock-holder.ts";

const LOCKS = `1: POSIX  ADVISORY  WRITE 4711 fe:00:2146505 1073741824 1073742335
2: POSIX  ADVISORY  READ 4712 fe:00:2146505 0 EOF
3: OFDLCK ADVISORY  WRITE -1 fe:00:7 0 EOF
4: POSIX  ADVISORY  WRITE 1 fe:00:21 0 EOF
5: POSIX  ADVISORY  WRITE 2 fd:00:21 0 EOF
5: -> POSIX  ADVISORY  WRITE 3 fe:00:2146505 0 EOF
`;

test.each([
  ["the one with a lock for writing", 2146505, 4711],
  ["none, where nobody has one", 9, undefined],
  ["none, where the process is not known", 7, undefined],
  ["none, where two files on two devices have the same number", 21, undefined],
])("is %s", (_name, inode, pid) => {
  expect(holderIn(LOCKS, inode)).toBe(pid);
});
