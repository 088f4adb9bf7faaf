import { describe, expect, it } from "vitest";
import { KeyedLock } from "../../src/runs/keyed-lock.ts";
import { Gate } from "./scripted.ts";

describe("a keyed lock", () => {
  it("lets one in at a time for each key, in the order they came; other keys do not wait", async () => {
    const lock = new KeyedLock();
    const gates = [new Gate(), new Gate()];
    const log: string[] = [];
    const task = (name: string, gate?: Gate) => async () => {
      log.push(`${name} in`);
      await gate?.opened;
      log.push(`${name} out`);
      return name;
    };
    const first = lock.hold("a", task("1", gates[0]));
    const second = lock.hold("a", task("2", gates[1]));
    const third = lock.hold("a", task("3"));
    expect(await lock.hold("b", task("b"))).toBe("b");
    expect(log).toEqual(["1 in", "b in", "b out"]);
    gates[1]?.open();
    gates[0]?.open();
    expect(await Promise.all([first, second, third])).toEqual(["1", "2", "3"]);
    expect(log.slice(3)).toEqual(["1 out", "2 in", "2 out", "3 in", "3 out"]);
  });

  it("goes on when one fails", async () => {
    const lock = new KeyedLock();
    const failing = lock.hold("a", () => Promise.reject(new Error("no")));
    const next = lock.hold("a", async () => "next");
    await expect(failing).rejects.toThrow("no");
    await expect(next).resolves.toBe("next");
  });
});
