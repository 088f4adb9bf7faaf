import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { Shares, Turns } from "../../src/limits/turns.ts";

it("one caller goes on in each turn of the event loop, and a key with many callers does not delay another key", async () => {
  const turns = new Turns();
  const gone: string[] = [];
  const wait = (key: string, name: string) => turns.wait(key).then(() => gone.push(name));
  const all = [wait("busy", "a"), wait("busy", "b"), wait("busy", "c"), wait("other", "d")];
  const seen: number[] = [];
  while (gone.length < all.length) {
    await nextTurn();
    seen.push(gone.length);
  }
  expect(gone).toEqual(["a", "d", "b", "c"]);
  for (const [index, count] of seen.entries()) expect(count - (seen[index - 1] ?? 0)).toBeLessThanOrEqual(1);
  await wait("busy", "later");
  expect(gone.at(-1)).toBe("later");
});

it("each key has its places, a place that is given up goes to the caller that waits longest", async () => {
  const shares = new Shares(2, 60_000);
  const given: string[] = [];
  const take = async (key: string, name: string) => {
    const leave = await shares.take(key);
    given.push(name);
    return leave;
  };
  const first = await take("busy", "a");
  const second = await take("busy", "b");
  const waiting = [take("busy", "c"), take("busy", "d")];
  const other = await take("other", "e");
  expect(given).toEqual(["a", "b", "e"]);
  first?.();
  const third = await waiting[0];
  expect(given).toEqual(["a", "b", "e", "c"]);
  second?.();
  const fourth = await waiting[1];
  for (const leave of [third, fourth, other]) leave?.();
  first?.(); // Given up before: it gives nobody another place.
  await Promise.all([take("busy", "f"), take("busy", "g")]);
  expect(given.slice(4)).toEqual(["d", "f", "g"]);
});

it("a caller that has waited too long gets no place, and takes none from the next", async () => {
  const shares = new Shares(1, 5);
  const leave = await shares.take("busy");
  expect(await shares.take("busy")).toBeUndefined();
  leave?.();
  expect(await shares.take("busy")).toBeDefined();
});
