/** `sluice doctor` as a program: its exit codes and its output. */
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { killRest, sluice } from "../support/child.ts";

afterAll(killRest);

const graphs = fileURLToPath(new URL("graphs/graphs.mjs", import.meta.url));
const doctor = async (...args: string[]) => {
  const ended = await sluice(["doctor", ...args]);
  return { ...ended, stderr: ended.stderr.replace(SLOW, "") };
};
/** On a busy machine LangChain alone takes that long to load. */
const SLOW = /^.*SluiceWarning: .* is still loading after 10 s\..*\n\(Use .*\n/m;

// The tests run concurrently, because starting Node takes most of their time.
describe("sluice doctor", () => {
  it.concurrent("says with 0 that tokens stream, plainly when it is piped", async () => {
    const { code, stdout, stderr } = await doctor(`${graphs}:standIn`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("✓ Tokens stream: 36 pieces");
    expect(stdout).not.toContain("\u001b");
  });

  it.concurrent("says with 1 that they do not", async () => {
    const { code, stdout, stderr } = await doctor(`${graphs}:finishedText`);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toMatch(/✗ Node "chat" returns finished text.*\n {2}finished-text\n/);
  });

  it.concurrent("says with 2 that nobody was there to examine, also to programs", async () => {
    const { code, stdout } = await doctor("http://127.0.0.1:9/agui", "--json");
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ streams: null, exitCode: 2, verdicts: [{ code: "unreachable" }] });
  });

  it.concurrent("speaks JSON to programs", async () => {
    const { code, stdout } = await doctor(`${graphs}:finishedText`, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ streams: false, verdicts: [{ code: "finished-text" }] });
  });

  it.concurrent.each(["keyless", "thrower"])(
    "speaks JSON, and says with 2, of a graph that could not be examined: %s",
    async (name) => {
      const { code, stdout, stderr } = await doctor(`${graphs}:${name}`, "--json");
      expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
      expect(JSON.parse(stdout)).toMatchObject({ schema: 1, streams: null, exitCode: 2 });
    },
  );

  it.concurrent("gives a graph that takes no messages what --input says", async () => {
    const { code, stdout } = await doctor(`${graphs}:topical`, "--input", '{"topic":"rivers"}');
    expect(stdout).toContain("✓ Tokens stream");
    expect(code).toBe(0);
  });

  it.concurrent("says what --message says", async () => {
    const { code, stdout } = await doctor(`${graphs}:echo`, "--message", "a b c d e f g h");
    expect(stdout).toContain("15 characters in 15 pieces");
    expect(code).toBe(0);
  });

  it.concurrent.each<[string, string[], RegExp]>([
    ["no target", [], /^sluice: Which graph or address\?\n\nUsage: sluice doctor/],
    ["two targets", ["a.js:a", "b.js:b"], /^sluice: One graph or address at a time/],
    [
      "a wrong number",
      ["a.js:a", "--timeout", "soon"],
      /^sluice: --timeout soon: it takes a number of seconds above 0/,
    ],
    ["a wrong input", ["a.js:a", "--input", "{"], /^sluice: --input: it takes JSON/],
    ["a wrong option", ["a.js:a", "--fast"], /^sluice: Unknown option '--fast'/],
    ["no such file", ["./none.js:graph"], /^sluice: .*none\.js.*\n$/],
    ["no such export", [`${graphs}:none`], /^sluice: .* has no export "none"/],
    ["no graph", [`${graphs}:other`], /^sluice: "other" of .* is an object, not a graph/],
    [
      "an agent without a configuration",
      [`${graphs}:good`, "--agent", "x"],
      /^sluice: --agent names one of a configuration/,
    ],
  ])("says with 2 that there was nothing to examine: %s", async (_name, args, says) => {
    const { code, stdout, stderr } = await doctor(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(says);
  });
});
