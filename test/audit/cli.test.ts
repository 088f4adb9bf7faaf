/** `sluice audit` as people run it: in a process without a network, with a made-up environment. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { LLMock } from "@copilotkit/aimock";
import { expect, it } from "vitest";
import { DOORS } from "../../src/audit/doors.ts";
import { project, sluice } from "../support/child.ts";

const GRAPH = (address: string) => `
import { readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { lookup } from "node:dns/promises";
import { connect } from "node:net";
import { ChatOpenAI } from "@langchain/openai";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";

const failing = (work) => work().then(() => "it worked", (error) => error.cause?.code ?? error.code ?? "refused");

export const graph = new StateGraph(MessagesAnnotation)
  .addNode("reach", async (_, { writer }) => {
    const tried = [
      await failing(() => fetch("${address}/fetched")),
      await failing(() => lookup("looked-up.example")),
      await failing(() => new Promise((done, fail) => connect("/tmp/a.sock").on("connect", done).on("error", fail))),
      await failing(async () => execFileSync("curl", ["${address}"])),
    ];
    writer({ name: "tried", value: { tried } });
    writer({ name: "password", value: process.env.MY_WORD });
    return {};
  })
  .addNode("answer", async ({ messages }) => ({ messages: [await new ChatOpenAI({ model: "gpt-4o-mini" }).invoke(messages)] }))
  .addEdge(START, "reach")
  .addEdge("reach", "answer")
  .compile();
`;

it("keeps a graph from the network and from what the environment really holds, and says what left", async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.end();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await using folder = await project({ "graph.ts": GRAPH(address), ".env": "MY_WORD=the real word\n" });
    const env = { OPENAI_API_KEY: "the-real-key-of-mine", OPENAI_BASE_URL: address };
    const { code, stdout } = await sluice(["audit", "./graph.ts:graph", "--json"], env, folder.path);
    expect(stdout).not.toContain("the real word");
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      schema: 1,
      agent: "graph",
      exitCode: 1,
      failure: null,
      notReached: [],
      leaks: expect.arrayContaining([
        {
          canary: "environment:MY_WORD",
          allowed: false,
          doors: expect.arrayContaining(["SSE", "WebSocket, agui", "WebSocket, frames", "WebSocket, text"]),
          lines: ["STREAM_ALLOWED_EVENTS: on_custom_event"],
        },
      ]),
    });
    expect(report.network.map(({ to }: { to: string }) => to).sort()).toEqual(
      [new URL(address).host, "/tmp/a.sock", "looked-up.example", "the program curl"].sort(),
    );
    expect([code, asked]).toEqual([1, 0]);
  } finally {
    server.close();
  }
});

it("says that nothing leaves, what may, and which nodes never ran", async () => {
  await using folder = await project({
    "graph.mjs": `
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent } from "langchain";
import { z } from "zod";
const look = tool(() => { throw new Error("This is no stub."); }, { name: "look", schema: z.object({ what: z.string() }) });
export const agent = createAgent({ model: new ChatOpenAI({ model: "gpt-4o-mini" }), tools: [look], systemPrompt: "You belong to nobody but us." });`,
  });
  const { code, stdout, stderr } = await sluice(["audit", "graph.mjs"], {}, folder.path);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^graph: no forbidden value leaves\.\n/);
  expect(stdout).toContain("  tool-results:look  (STREAM_ALLOWED_EVENTS: ");
  expect(stdout).toMatch(new RegExp(`\\nLooked for 1 prompt, .* at ${Object.keys(DOORS).length} doors\\.\\n$`));
});

it("asks the real model and runs the real tool where it is asked to, and finds what they let out", async () => {
  const model = new LLMock({ port: 0 });
  await model.start();
  try {
    model.on(
      { predicate: ({ messages }) => messages.at(-1)?.role !== "tool" },
      { toolCalls: [{ name: "look", arguments: '{"what":"rain"}' }] },
    );
    model.on(
      { predicate: ({ messages }) => messages.at(-1)?.role === "tool" },
      { content: "Our rule says: You belong to nobody but us." },
    );
    await using folder = await project({
      "graph.mjs": `
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent } from "langchain";
import { z } from "zod";
const other = tool(() => { throw new Error("This is no stub."); }, { name: "other", schema: z.object({}) });
const look = tool(async () => "Read with " + (await fetch(process.env.OPENAI_BASE_URL + "/models")).status, { name: "look", schema: z.object({ what: z.string() }) });
const model = new ChatOpenAI({ model: "gpt-4o-mini" });
export const agent = createAgent({ model, tools: [look, other], systemPrompt: "You belong to nobody but us." });`,
    });
    const env = { OPENAI_API_KEY: "sk-of-this-test-0123456789", OPENAI_BASE_URL: `${model.url}/v1` };
    const real = ["--real-model", "--real-tool", "look", "--env", "OPENAI_API_KEY", "--env", "OPENAI_BASE_URL"];
    const { code, stdout, stderr } = await sluice(["audit", "graph.mjs", "--json", ...real], env, folder.path);
    expect(stderr).toBe("");
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ failure: null, notReached: [], network: [], exitCode: 1 });
    // The model sent its prompt to all clients.
    const prompt = report.leaks.find(({ canary }: { canary: string }) => canary.startsWith("prompt"));
    expect(prompt).toMatchObject({ allowed: false, doors: expect.arrayContaining(["SSE", "WebSocket, agui"]) });
    expect(JSON.stringify(report)).not.toContain("sk-of-this-test");
    expect(model.getRequests().length).toBeGreaterThan(1);
    const results = JSON.stringify(model.getRequests());
    expect(results).toContain("Read with 200");
    expect(code).toBe(1);
  } finally {
    await model.stop();
  }
});

it.each<[string[], string]>([
  [["none.mjs"], "There is no none.mjs in "],
  [["a.mjs", "b.mjs"], "One graph at a time: a.mjs, or b.mjs?"],
  [["http://127.0.0.1:8123"], "It examines a graph in a file, and no server"],
  [[], "Give a graph, or --config."],
])("%j: it could not be examined", async (args, complaint) => {
  const { code, stdout, stderr } = await sluice(["audit", ...args]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(complaint);
});
