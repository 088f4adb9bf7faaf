/** The command `sluice check`: its exit codes, its JSON, and its messages for wrong options. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { check } from "../../src/cli/check.ts";
import { faultyServer } from "./faulty-server.ts";

let good: Awaited<ReturnType<typeof faultyServer>>;
let bad: typeof good;

beforeAll(async () => {
  good = await faultyServer([]);
  bad = await faultyServer(["a message is left open"]);
});
afterAll(() => {
  good.close();
  bad.close();
});

async function run(positionals: string[], values: Parameters<typeof check.run>[0]["values"] = {}) {
  const printed: string[] = [];
  const said: string[] = [];
  const context = {
    packageRoot: "/package",
    version: "0.0.0",
    cwd: "/package",
    print: (line: string) => void printed.push(line),
    printError: (line: string) => void said.push(line),
  };
  const code = await check.run({ values, positionals }, context);
  return { code, stdout: printed.join("\n"), stderr: said.join("\n") };
}

it("exits with 0 when all that could be tried is met, and names each chapter's score", async () => {
  const { code, stdout } = await run([good.url]);
  expect(code).toBe(0);
  expect(stdout).toContain("Sequence                     7 of 7");
  expect(stdout).toContain("WebSocket with frames        not offered");
});

it("exits with 1 when a requirement is not met, and says where", async () => {
  const { code, stdout } = await run([bad.url]);
  expect(code).toBe(1);
  expect(stdout).toContain("FAIL  2.4   No span may be open at `RUN_FINISHED`.");
  expect(stdout).toMatch(/event \d+: RUN_FINISHED while open: text message m/);
  expect(stdout).toMatch(/1 requirement of docs\/binding\.md is not met \(\d+ met\)\.$/);
});

it("exits with 2 when nothing can be tried, in JSON too", async () => {
  expect(await run(["http://127.0.0.1:9"])).toEqual({
    code: 2,
    stdout: "",
    stderr: "sluice: The connection was refused: is the server running there?",
  });
  const { code, stdout } = await run(["./no-such-graph.ts:graph"], { json: true });
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ exitCode: 2, error: expect.stringContaining("no-such-graph") });
});

it("names the option for a sign-in where the server wants one", async () => {
  const server = createServer((_, response) => void response.writeHead(401).end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { stderr } = await run([`http://127.0.0.1:${(server.address() as AddressInfo).port}`]);
  server.close();
  expect(stderr).toMatch(/401.* --header "Authorization: Bearer/);
});

it.each<[string[], Parameters<typeof run>[1], RegExp]>([
  [[], {}, /Which address or graph/],
  [["http://a", "http://b"], {}, /One address or graph at a time/],
  [["ftp://a"], {}, /begins with http/],
  [["http://a"], { socket: "http://a/ws" }, /begins with ws/],
  [["http://a"], { timeout: "soon" }, /number of seconds/],
  [["http://a"], { header: ["Authorization"] }, /--header/],
  [["./graph.ts"], { input: "{" }, /--input: it takes JSON/],
])("refuses %j with %j", async (positionals, values, says) => {
  await expect(run(positionals, values)).rejects.toThrow(says);
});
