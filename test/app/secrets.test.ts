/** If a model's endpoint or a tool repeats a key in its error, neither a client nor the log shows the key. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tool } from "@langchain/core/tools";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { ChatOpenAI } from "@langchain/openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createSluice, type SluiceOptions } from "../../src/app/sluice.ts";
import { createLogger } from "../../src/ops/logger.ts";
import { startHost } from "../support/host.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

const KEY = "zq81mfpal20xkwe7";
const BASIC = Buffer.from("user:pw").toString("base64");

const WORDINGS = {
  plain: (key: string) => ({ error: { message: `Incorrect API key provided: ${key}.` } }),
  bare: (key: string) => ({ error: { message: `${key} is no key of ours` } }),
  quoted: (key: string) => ({ error: { message: `invalid credentials '${key}'`, param: key, code: key } }),
  header: (key: string) => ({ error: { message: `Authorization: Bearer ${key} was refused` } }),
  inUrl: (key: string) => ({ error: { message: `https://host/v1/${key}/chat: no such account` } }),
  detail: (key: string) => ({ detail: [{ loc: ["header"], input: key, msg: "bad key" }] }),
  base64: (key: string) => ({ error: { message: `Basic ${Buffer.from(`me:${key}`).toString("base64")}` } }),
  basic: (_: string) => ({ error: { message: `sent Basic ${BASIC}, expected another` } }),
};

let baseURL: string;
const endpoint = createServer((request, response) => {
  const [, wording = ""] = /^\/(\w+)\//.exec(request.url ?? "") ?? [];
  const key = String(request.headers.authorization).replace("Bearer ", "");
  request.resume();
  response.writeHead(401, { "content-type": "application/json" });
  response.end(JSON.stringify(WORDINGS[wording as keyof typeof WORDINGS](key)));
});

beforeAll(async () => {
  await new Promise<void>((listening) => endpoint.listen(0, "127.0.0.1", listening));
  baseURL = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`;
});
afterAll(() => void endpoint.close());

beforeEach(() => {
  process.env.HOUSE_MODEL_KEY = KEY;
});
afterEach(() => {
  delete process.env.HOUSE_MODEL_KEY;
});

/** Returns everything that a client and the log receive of one run. */
async function run(graph: SluiceOptions["agents"][string]): Promise<{ client: string; log: string }> {
  const lines: string[] = [];
  const logger = createLogger("debug", { write: (line) => void lines.push(line) });
  const sluice = createSluice({ agents: { it: graph }, logger, drainSeconds: 0.1 });
  const host = await startHost((app) => app.use("/", sluice.router));
  try {
    const events = await (await postRun(host.url, userInput("hi"))).done;
    await sluice.close(); // The log gets the end of a run later than the client.
    for (const line of lines) JSON.parse(line);
    return { client: JSON.stringify(events), log: lines.join("") };
  } finally {
    await sluice.close();
    await host.close();
  }
}

describe("an error that repeats a key", () => {
  it.each(Object.keys(WORDINGS))("of a model's endpoint (%s)", async (wording) => {
    const model = new ChatOpenAI({
      apiKey: KEY,
      model: "m",
      maxRetries: 0,
      configuration: { baseURL: `${baseURL}/${wording}` },
    });
    const { client, log } = await run(chatGraph(model));
    expect(client).toContain("model_error");
    expect(log).toContain("run failed");
    for (const text of [client, log]) {
      expect(text).not.toContain(KEY);
      expect(text).not.toContain(BASIC);
      expect(text).not.toContain(Buffer.from(`me:${KEY}`).toString("base64").slice(4, 16));
    }
  });

  it.each([true, false])("of a tool, which its node answers for: %s", async (handleToolErrors) => {
    const fetch = tool(() => Promise.reject(new Error(`${KEY} is no key of ours`)), {
      name: "fetch",
      description: "f",
      schema: z.object({}),
    });
    const model = new SteppedModel().call("fetch", {}, "c1").end();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
      .addNode("tools", new ToolNode([fetch], { handleToolErrors }))
      .addEdge(START, "model")
      .addEdge("model", "tools");
    const { client, log } = await run(graph);
    expect(client).toContain("is no key of ours");
    expect(client + log).not.toContain(KEY);
  });

  it("reaches no logger of the app's own either, not in a cause", async () => {
    const logged: unknown[] = [];
    const log = (fields: object, sentence: string) => void logged.push(fields, sentence);
    const cause = new Error(`the endpoint says: ${KEY}`);
    const graph = chatGraph(new SteppedModel().fail(new TypeError(`no luck with ${KEY}`, { cause })));
    const sluice = createSluice({ agents: { graph }, logger: { debug: log, info: log, warn: log, error: log } });
    const { result } = await sluice.runs.start({ messages: [{ id: "1", role: "user", content: "hi" }] });
    await expect(result).rejects.toThrow("no luck with <key>");
    await sluice.close();
    const text = JSON.stringify(logged);
    expect(text).toContain('"type":"TypeError"');
    expect(text).toContain("the endpoint says: <key>");
    expect(text).not.toContain(KEY);
  });

  it("is left alone in what a model says", async () => {
    const { client } = await run(chatGraph(new SteppedModel({ always: [KEY] })));
    expect(client).toContain(KEY);
  });
});
