/** SECURITY.md: each threat's defence has an existing test. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = new URL("../", import.meta.url);
const text = (name: string) => readFileSync(fileURLToPath(new URL(name, root)), "utf8");
const rows = text("SECURITY.md")
  .split("\n")
  .filter((line) => /^\| (?!threat |-)/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

describe("SECURITY.md", () => {
  it("names threats", () => {
    expect(rows.length).toBeGreaterThan(10);
  });

  it.each(rows.map(([, threat = "", defence = "", tests = ""]) => [threat, defence, tests]))(
    "%s: its tests are there",
    (_, defence, tests) => {
      expect(defence).not.toBe("");
      const files = [...tests.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file);
      expect(files).not.toEqual([]);
      expect(files.filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
    },
  );
});

it("the container that compose.yaml describes writes to its volume alone, and is published to this machine", () => {
  const compose = text("compose.yaml");
  expect(compose).toMatch(/^ {4}read_only: true$/m);
  expect([...compose.matchAll(/^ {6}- "?(\S+):8123"?$/gm)].map(([, published]) => published)).toEqual([
    "127.0.0.1:8123",
  ]);
  expect(text("Dockerfile")).toMatch(/^USER node$/m);
});

it("no package that a server needs has an install script, but one whose script only checks its binary", () => {
  interface Locked {
    readonly hasInstallScript?: boolean;
    readonly dev?: boolean;
  }
  const { packages } = JSON.parse(text("package-lock.json")) as { packages: Record<string, Locked> };
  const scripted = Object.entries(packages).filter(([, { hasInstallScript, dev }]) => hasInstallScript && !dev);
  expect(scripted.map(([path]) => path)).toEqual(["node_modules/esbuild"]);
});

/** The attacks that the server must withstand, each with its test: the file and a part of the name. */
const ATTACKS: Readonly<Record<string, readonly [file: string, name: string]>> = {
  "1 malformed or truncated JSON": ["server/defences.test.ts", "half an object"],
  "2 JSON that is no object": ["server/defences.test.ts", "is a line like any other: only { begins a command"],
  "3 unknown types; extra fields": ["e2e/runs/frames.test.ts", "may send fields that nobody knows"],
  "4 a message that is too large": ["server/defences.test.ts", "a message over MAX_BODY_BYTES closes with 1009"],
  "5 a header that claims 2^63 bytes": ["server/defences.test.ts", "a frame that says it has 2^63 bytes"],
  "6 more fragments than any message has": ["server/defences.test.ts", "a message of more frames than any has"],
  "7 a character over two fragments": ["server/defences.test.ts", "a character may be spread over frames"],
  "8 text inside of fragments": ["server/defences.test.ts", "a text inside a message of several frames"],
  "9 a binary frame": ["server/defences.test.ts", "a binary frame"],
  "10 invalid UTF-8": ["server/defences.test.ts", "text that is not UTF-8"],
  "11 reserved bits; opcode 3": ["server/defences.test.ts", "an opcode that does not exist"],
  "14 a flood of pings": ["server/defences.test.ts", "of pings whose answers nobody reads"],
  "15 a flood of small messages": ["server/floods.test.ts", "is not read from after some 256 KiB of answers"],
  "16 a compression bomb": ["server/defences.test.ts", "negotiates no compression"],
  "18 slow bytes": ["server/defences.test.ts", "slow bytes hold nothing for long"],
  "19 idle sockets": ["server/defences.test.ts", "of sockets end at MAX_SOCKETS"],
  "20 huge or many headers": ["server/attacks.test.ts", "headers"],
  "22 foreign origins": ["server/defences.test.ts", "a page of %s is refused"],
  "23 a cookie from a foreign page": ["server/attacks.test.ts", "with a cookie"],
  "25 tokens that are expired, unsigned, early or of others": [
    "server/auth/sign-in.test.ts",
    "are held against secret",
  ],
  "26 a token that expires in the middle of a run": ["server/auth/sign-in.test.ts", "whose sign-in expires is closed"],
  "26 the same over SSE": ["server/auth/expiry.test.ts", "ends with the error and is cut"],
  "28 a token in an address": ["server/attacks.test.ts", "a ticket or a token in an address"],
  "29 a ticket that comes again": ["server/auth/sign-in.test.ts", "opens with a ticket, once"],
  "31 a thread of somebody else": ["server/auth/two-principals.test.ts", "every route with a thread"],
  "34 braces and globs in keys of Redis": ["redis/attacks.test.ts", "ids with braces, globs and line breaks"],
  "35 SQL in ids": ["server/attacks.test.ts", "SQL"],
  "36 __proto__ in JSON": ["server/defences.test.ts", "a member called %s pollutes nothing"],
  "37 a key twice in JSON": ["server/attacks.test.ts", "twice"],
  "40 a message before the sign-in; another sign-in": [
    "server/auth/sign-in.test.ts",
    "may sign in with an auth frame, and does nothing before",
  ],
  "41 one start, many times at once": ["runs/manager.test.ts", "starts one run for the same body sent twice"],
  "42 one id with two bodies": ["runs/manager.test.ts", "is a conflict with another body"],
  "43 two starts on one thread": ["runs/manager.test.ts", "admits exactly one of many starts at the same moment"],
  "44 a hundred cancels": ["runs/manager.test.ts", "a hundred times, while the run is finishing"],
  "45 a cancel that races with the end": ["e2e/runs/orphans.test.ts", "a hundred times, while runs end by themselves"],
  "47 a stale epoch": ["log/contract.ts", "is `epoch` for a cursor of another log"],
  "49 a line that is cut after any byte": [
    "e2e/runs/resume.test.ts",
    "may be cut after any byte: a client that comes back",
  ],
  "50 a hundred tabs": ["server/attacks.test.ts", "a hundred tabs that join a run"],
  "51 a reader that stops": ["server/slow-consumer.test.ts", "a reader that stops while a run says 20 MB"],
  "52 sockets that break off": ["server/defences.test.ts", "that breaks off, at once or half-way"],
  "54 idle lines": ["e2e/runs/frames.test.ts", "is sent heartbeats"],
  "55 an owner that is killed": ["processes/faults.test.ts", "is killed leaves its runs to another"],
  "57 a stop with sockets and runs": ["runs/manager.test.ts", "ends what is left after the grace"],
  "58 a process that is replaced while its runs go on": [
    "processes/faults.test.ts",
    "is stopped leaves its runs to another",
  ],
  "58 a rolling deployment under load": ["processes/rolling.test.ts", "opens no gap"],
  "60 Redis restarts": ["redis/log.test.ts", "writes what waited when Redis comes back"],
  "60 Redis is full": ["redis/attacks.test.ts", "a Redis that is full"],
  "61 a failover that loses the end": ["redis/attacks.test.ts", "a failover that loses the end"],
  "62 an owner without Redis": ["redis/attacks.test.ts", "an owner that is cut off from Redis"],
  "62 a follower without Redis": ["redis/attacks.test.ts", "a follower that is cut off from Redis"],
  "63 scripts that are forgotten": ["redis/attacks.test.ts", "scripts that Redis has forgotten"],
  "64 messages that are lost": ["redis/attacks.test.ts", "messages that Redis loses without a sign"],
  "65 Postgres' lines break": ["postgres/attacks.test.ts", "Postgres' lines break"],
  "65 Postgres is restarted, or crashes": ["postgres/attacks.test.ts", "Postgres is restarted"],
  "65 Postgres has no connection left": ["postgres/attacks.test.ts", "every connection waits for a lock"],
  "65 a deadlock": ["postgres/attacks.test.ts", "of two transactions that wait for each other"],
  "67 a model that hangs": ["runs/deadlines.test.ts", ""],
  "68 a model that answers 429, 500 or 503": ["e2e/openai.test.ts", "is asked again three times at most"],
  "68 a model that fails in its answer": ["e2e/openai.test.ts", "closes the open message before the error"],
  "71 a model that never ends": ["e2e/openai.test.ts", "is cut by the total deadline however steadily"],
  "72 a tool that throws": ["server/defences.test.ts", '"node", "tool"'],
  "72 a tool that never ends; a result of 50 MB": ["e2e/runs/output-bounds.test.ts", "a tool that"],
  "73 values that are no JSON": ["protocol/json.test.ts", ""],
  "74 dates, numbers and bytes that JSON lacks": ["protocol/json.test.ts", "an invalid Date"],
  "79 line separators": ["server/attacks.test.ts", "line separators"],
  "80 escapes for terminals": ["cli/chat-rendering.test.ts", ""],
  "82 a full disk": ["store/sqlite.test.ts", "is not available while the disk is full"],
  "82 no file handle left": ["cli/exhausted.test.ts", "a process without file handles"],
  "84 one position twice": ["server/attacks.test.ts", "a position that comes twice in the headers"],
};

/** The numbers of the attacks. Numbers in between are not used. */
const NUMBERS = [
  ...[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 18, 19, 20, 22, 23, 25, 26, 28, 29, 31, 34, 35, 36, 37, 40, 41, 42,
  ],
  ...[43, 44, 45, 47, 49, 50, 51, 52, 54, 55, 57, 58, 60, 61, 62, 63, 64, 65, 67, 68, 71, 72, 73, 74, 79, 80, 82, 84],
];

it("every attack is in the list", () => {
  const numbers = Object.keys(ATTACKS).map((name) => Number.parseInt(name, 10));
  expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(NUMBERS);
});

describe("an attack has a test:", () => {
  it.each(Object.entries(ATTACKS))("%s", (_, [file, name]) => {
    expect(text(`test/${file}`)).toContain(name);
  });
});
