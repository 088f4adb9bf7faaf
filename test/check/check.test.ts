/** `sluice check`: it passes for a correct server, and reports each fault by its requirement. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { check, type Target } from "../../src/check/check.ts";
import type { Result } from "../../src/check/findings.ts";
import { asJson, asText, exitCode } from "../../src/check/report.ts";
import { REQUIREMENTS, type RequirementId } from "../../src/check/requirements.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph } from "../support/stepped-model.ts";
import { FAULTS, type Fault, faultyServer } from "./faulty-server.ts";

const ANSWER = "The river goes where the ground lets it, and takes its time.";

let sluice: TestSluice;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  const speaking = new FakeListChatModel({ responses: [ANSWER], sleep: 10 });
  const failing = new FakeListChatModel({ responses: [ANSWER] });
  failing.invoke = () => Promise.reject(new Error("The model is out."));
  sluice = await startSluice(
    { chat: { graph: chatGraph(speaking) }, failing: { graph: chatGraph(failing) } },
    { HEARTBEAT_SECONDS: "1", ORPHAN_GRACE_SECONDS: "5" },
  );
});

afterAll(async () => {
  for (const close of closers) close();
  await sluice.close();
});

function target(url: string, more: Partial<Target> = {}): Target {
  const message = "How does a river find the sea?";
  return { url, socket: undefined, agent: undefined, message, headers: {}, timeoutMs: 15_000, ...more };
}

const ids = (results: readonly Result[], verdict: Result["verdict"]): RequirementId[] =>
  results.filter((result) => result.verdict === verdict).map(({ id }) => id);

function failures(results: readonly Result[]): string[] {
  return results.filter(({ verdict }) => verdict === "failed").map(({ id, found }) => `${id} ${found.join("; ")}`);
}

interface Meddling {
  /** Changes a request before the server sees it. */
  readonly asked?: (request: IncomingMessage) => void;
  /** Changes a piece of an event stream. */
  readonly sent?: (text: string) => string;
}

/** Starts a proxy in front of the Sluice that changes HTTP and forwards WebSockets. */
async function meddling({ asked = () => {}, sent = (text) => text }: Meddling): Promise<string> {
  const { hostname, port, host } = new URL(sluice.url);
  const proxy = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    asked(incoming);
    const { method, url, headers } = incoming;
    const ask = request({ hostname, port, method, path: url, headers: { ...headers, host } }, (answer) => {
      const { "content-length": _, ...rest } = answer.headers;
      response.writeHead(answer.statusCode ?? 0, rest);
      answer.setEncoding("utf8");
      answer.on("data", (text: string) => response.write(sent(text)));
      answer.on("end", () => response.end());
    });
    response.on("close", () => ask.destroy());
    ask.on("error", () => response.destroy());
    incoming.pipe(ask);
  });
  proxy.on("upgrade", (incoming, client) => {
    const upstream = connect(Number(port), hostname, () => {
      const headers = Object.entries({ ...incoming.headers, host }).map(([name, value]) => `${name}: ${value}`);
      upstream.write([`GET ${incoming.url} HTTP/1.1`, ...headers, "", ""].join("\r\n"));
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) socket.on("error", () => upstream.destroy());
  });
  closers.push(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

describe("a Sluice", () => {
  it("meets every requirement there is", async () => {
    const finding = await check(target(sluice.url));
    expect(failures(finding.results)).toEqual([]);
    expect(ids(finding.results, "passed")).toEqual(Object.keys(REQUIREMENTS));
    expect(exitCode(finding)).toBe(0);
    const text = asText(finding, "docs/binding.md");
    expect(text).toMatch(/\n {3}7 {2}Resuming +5 of 5\n/);
    expect(text).toMatch(/Every requirement that was tried is met \(\d+ met\)\.$/);
  });

  it("is not what CopilotKit's runtime is taken for, which lists its agents in the same form below any path", async () => {
    const runtime = createServer((incoming, response) => {
      if (incoming.url?.endsWith("/info")) {
        response.end(JSON.stringify({ agents: { default: { name: "default", className: "Plain" } } }));
      } else if (incoming.url !== "/api/agent/default/run") response.writeHead(404).end();
      else {
        const { method, headers } = incoming;
        const options = { method, headers: { ...headers, host: new URL(sluice.url).host } };
        const ask = request(`${sluice.url}/agui`, options, (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(response);
        });
        response.on("close", () => ask.destroy());
        ask.on("error", () => response.destroy());
        incoming.pipe(ask);
      }
    });
    closers.push(() => {
      runtime.closeAllConnections();
      runtime.close();
    });
    await new Promise<void>((resolve) => runtime.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(runtime.address() as AddressInfo).port}/api/agent/default/run`;
    const finding = await check(target(url));
    expect(finding.endpoint).toBe(url);
    expect(failures(finding.results)).toEqual([]);
  });

  it.concurrent.each<[string, Meddling, RegExp[]]>([
    [
      "positions that stand still",
      { sent: (text) => text.replace(/^id: (\w+):\d+$/gm, "id: $1:3") },
      [/^6.2 .*:3 comes after .*:3/, /^7.2 /],
    ],
    [
      "an end that is replaced",
      { sent: (text) => text.replaceAll('"RUN_FINISHED"', '"CUSTOM","name":"x","value":1') },
      [/^3.1 the response ends without/],
    ],
    [
      "a proxy that takes Last-Event-ID away",
      { asked: ({ headers }) => Reflect.deleteProperty(headers, "last-event-id") },
      [/^7.2 /, /^7.4 no gap was reported/],
    ],
  ])("with %s is named for that", async (_name, how, says) => {
    const found = failures((await check(target(await meddling(how)))).results);
    for (const pattern of says) expect(found).toContainEqual(expect.stringMatching(pattern));
    expect(found.filter((line) => !/^[67]\./.test(line) && !says.some((pattern) => pattern.test(line)))).toEqual([]);
  });

  it("whose positions are taken away offers no resuming, which is no fault", async () => {
    const url = await meddling({ sent: (text) => text.replace(/^id: .*\n/gm, "") });
    const { results } = await check(target(url));
    expect(failures(results)).toEqual([]);
    expect(ids(results, "not offered")).toEqual(["6.1", "6.2", "6.3", "7.1", "7.2", "7.3"]);
  });
});

describe("nothing can be said", () => {
  it("of a run that fails", async () => {
    await expect(check(target(sluice.url, { agent: "failing" }))).rejects.toThrow(
      "The run failed, so its answer shows nothing",
    );
  });

  it("of a server that is not there", async () => {
    await expect(check(target("http://127.0.0.1:9"))).rejects.toThrow("The connection was refused");
  });

  it("of an address that takes no runs", async () => {
    await expect(check(target(`${sluice.url}/threads`))).rejects.toThrow(/A run was answered with 40\d/);
  });
});

describe("a server over SSE that is no Sluice", () => {
  const found = async (...faults: Fault[]) => {
    const server = await faultyServer(faults);
    closers.push(server.close);
    return check(target(server.url));
  };

  it("meets what it offers; the rest counts neither for nor against it", async () => {
    const finding = await found();
    expect(failures(finding.results)).toEqual([]);
    expect(new Set(ids(finding.results, "not offered").map((id) => id.split(".")[0]))).toEqual(
      new Set(["4", "6", "7", "8", "9", "10", "11", "13"]),
    );
    expect(exitCode(finding)).toBe(0);
  });

  it.concurrent.each(Object.keys(FAULTS) as Fault[])(
    "with a fault is named for it, and for nothing else: %s",
    async (fault) => {
      const { results } = await found(fault);
      const failed = ids(results, "failed");
      // Tokens in one burst also fail the requirement that they arrive when they are made.
      expect(fault === "one burst" ? failed.filter((id) => id !== "5.2" && id !== "5.3") : failed).toEqual([
        FAULTS[fault],
      ]);
    },
  );

  it("with eleven faults at once is named for each of them and nothing else, for programs too", async () => {
    const apart: readonly Fault[] = ["no end", "one burst", "the response stays open"];
    const faults = (Object.keys(FAULTS) as Fault[]).filter((fault) => !apart.includes(fault));
    expect(faults).toHaveLength(11);
    const finding = await found(...faults);
    expect(ids(finding.results, "failed")).toEqual(faults.map((fault) => FAULTS[fault]));
    const { exitCode: code, requirements } = JSON.parse(asJson(finding)) as {
      exitCode: number;
      requirements: Result[];
    };
    expect(code).toBe(1);
    expect(ids(requirements, "failed")).toHaveLength(11);
  });
});
