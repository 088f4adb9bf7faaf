/** The server dies in the middle of a run, and starts again on the same data. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { killRest, serve, sluice } from "../support/child.ts";
import { temporaryFolder } from "../support/folder.ts";
import { postRun, type SseRun, userInput } from "../support/sse-client.ts";
import { verifyRun } from "../support/verify.ts";

// The tests run concurrently, because starting Node takes most of their time.
afterAll(killRest);
const folder = temporaryFolder();

/** A data folder, and a configuration that serves the bundled assistant. */
function place(name: string, recover: boolean): { DATA_DIR: string; CONFIG_DIR: string } {
  const [DATA_DIR, CONFIG_DIR] = [join(folder, name, "data"), join(folder, name, "config")];
  mkdirSync(CONFIG_DIR, { recursive: true });
  const agents = { assistant: { graph: `${resolve("dist/agents/graphs.js")}:assistant`, recover } };
  writeFileSync(join(CONFIG_DIR, "agents.json"), JSON.stringify({ agents }));
  return { DATA_DIR, CONFIG_DIR };
}

/** Slow enough that a test can kill it between two words. */
const SLOW = { DEMO_TOKENS_PER_SECOND: "20", DEMO_JITTER: "0", STREAM_TIMEOUT_SECONDS: "600" };

async function get<T>(url: string, path: string): Promise<T> {
  const response = await fetch(`${url}${path}`);
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function chat(url: string, threadId: string, message: string): Promise<string> {
  const response = await fetch(`${url}/chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ threadId, message }),
  });
  return ((await response.json()) as { message: string }).message;
}

interface Thread {
  messages: { role: string; content?: string }[];
}

/**
 * Waits until a run has called its tool and has sent two words. The first word may be sent before the server stores the
 * tool's message in the same turn of its event loop. The second word is from a later turn.
 */
async function answering(run: SseRun): Promise<void> {
  await run.until(EventType.TOOL_CALL_RESULT);
  const before = run.events.length;
  while (run.events.slice(before).filter(({ type }) => type === EventType.TEXT_MESSAGE_CONTENT).length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a server that is killed in the middle of a run", () => {
  it.concurrent("says after its restart that the run is lost; the thread is there and goes on", async () => {
    const where = place("lost", false);
    const first = await serve({ ...where, ...SLOW });
    const input = userInput("What is 12 * 7?", { threadId: "t" });
    const run = await postRun(first.url, input);
    await answering(run);
    await first.kill();
    await expect(run.done).rejects.toThrow();

    const second = await serve(where);
    expect((await get<Thread>(second.url, "/threads/t/messages")).messages[0]).toMatchObject({ role: "user" });
    expect(await get(second.url, "/threads/t")).toMatchObject({ title: "What is 12 * 7?", active: false });
    const back = await (await postRun(second.url, input)).done;
    expect(back.at(-1)).toMatchObject({ type: EventType.RUN_ERROR, code: "owner_lost" });
    await verifyRun(back);
    expect(await chat(second.url, "t", "What is 2 + 3?")).toContain("2 + 3 = 5");
    expect(await second.stop()).toMatchObject({ code: 0, stderr: "" });
  });

  it.concurrent("goes on with the run where the agent's config says so", async () => {
    const where = place("recovered", true);
    const first = await serve({ ...where, ...SLOW });
    const input = userInput("What is 12 * 7?", { threadId: "t" });
    await answering(await postRun(first.url, input));
    await first.kill();

    const second = await serve({ ...where, ...SLOW, DEMO_TOKENS_PER_SECOND: "100" });
    expect(await get(second.url, "/threads/t")).toMatchObject({ active: true });
    const run = await postRun(second.url, input);
    const events = await run.done;
    await verifyRun(events);
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(["RUN_STARTED", "MESSAGES_SNAPSHOT"]);
    expect(events[0]).toMatchObject({ runId: input.runId });
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED, runId: input.runId });
    // The tool ran before the crash, and its result is kept. The run now sends only the answer.
    expect(events.map(({ type }) => type)).not.toContain(EventType.TOOL_CALL_START);
    const { messages } = await get<Thread>(second.url, "/threads/t/messages");
    expect(messages.map(({ role }) => role).filter((role) => role !== "reasoning")).toEqual([
      "user",
      "assistant",
      "tool",
      "assistant",
    ]);
    expect(messages.at(-1)?.content).toContain("12 * 7 = 84");
    expect(messages.filter(({ role }) => role === "user")).toHaveLength(1);
    expect(await second.stop()).toMatchObject({ code: 0, stderr: "" });
  });

  it.concurrent.each(["taken", "returned"])(
    "has the message that was sent into the run before, which is %s in the end",
    async (outcome) => {
      const where = place(`injected-${outcome}`, true);
      const [langgraph, own] = ["node_modules/@langchain/langgraph/dist/index.js", "dist/index.js"].map((file) =>
        JSON.stringify(pathToFileURL(resolve(file))),
      );
      writeFileSync(
        join(where.CONFIG_DIR, "steered.mjs"),
        `import { MessagesAnnotation, START, StateGraph } from ${langgraph};
         import { takeInjected } from ${own};
         const first = () => (process.env.GOES_ON ? {} : new Promise(() => {}));
         const second = async (_, config) =>
           ({ messages: process.env.GOES_ON === "taken" ? await takeInjected(config) : [] });
         export const graph = new StateGraph(MessagesAnnotation).addNode("first", first).addNode("second", second)
           .addEdge(START, "first").addEdge("first", "second").compile();`,
      );
      const config = JSON.stringify({ agents: { steered: { graph: "./steered.mjs:graph", recover: true } } });
      writeFileSync(join(where.CONFIG_DIR, "agents.json"), config);
      const first = await serve({ ...where, LANGGRAPH_API: "true" });
      const input = userInput("hi", { threadId: "t" });
      await (await postRun(first.url, input)).until(EventType.STEP_STARTED);
      const command = {
        id: 1,
        method: "input.inject",
        params: { message: { id: "m", role: "user", content: "Euros" } },
      };
      const sent = await fetch(`${first.url}/langgraph/threads/t/commands`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(command),
      });
      expect(await sent.json()).toMatchObject({ result: { message_id: "m", state: "waiting" } });
      await first.kill();

      const second = await serve({ ...where, GOES_ON: outcome });
      const events = await (await postRun(second.url, input)).done;
      await verifyRun(events);
      const reports = events.flatMap((event) =>
        event.type === EventType.CUSTOM && event.name === "sluice.injected" ? [event.value] : [],
      );
      const content = outcome === "returned" ? { content: "Euros" } : {};
      const waits = { messageId: "m", state: "waiting", content: "Euros" };
      expect(reports).toEqual([waits, { messageId: "m", state: outcome, ...content }]);
      const { messages } = await get<Thread>(second.url, "/threads/t/messages");
      expect(messages.map(({ content }) => content)).toEqual(outcome === "taken" ? ["hi", "Euros"] : ["hi"]);
      await second.stop();
    },
  );

  it.concurrent("has the activities of finished nodes, as late readers had them before", async ({ expect }) => {
    const where = place("activities", false);
    const langgraph = pathToFileURL(resolve("node_modules/@langchain/langgraph/dist/index.js"));
    writeFileSync(
      join(where.CONFIG_DIR, "planner.mjs"),
      `import { MessagesAnnotation, START, StateGraph } from ${JSON.stringify(langgraph)};
       const show = (config, value) => config.writer({ name: "manually_emit_activity", value });
       const plan = (_, config) => {
         show(config, { message_id: "plan", activity_type: "PLAN", content: { steps: ["dig"], done: 0 } });
         show(config, { message_id: "plan", patch: [{ op: "replace", path: "/done", value: 1 }] });
         return {};
       };
       const work = (_, config) => {
         show(config, { message_id: "plan", patch: [{ op: "replace", path: "/done", value: 2 }] });
         return new Promise(() => {});
       };
       export const graph = new StateGraph(MessagesAnnotation).addNode("plan", plan).addNode("work", work)
         .addEdge(START, "plan").addEdge("plan", "work").compile();`,
    );
    const config = JSON.stringify({ agents: { planner: { graph: "./planner.mjs:graph" } } });
    writeFileSync(join(where.CONFIG_DIR, "agents.json"), config);
    const activity = (done: number) => ({
      id: "plan",
      role: "activity",
      activityType: "PLAN",
      content: { steps: ["dig"], done },
    });
    const snapshotOf = (url: string) =>
      postRun(url, userInput("", { threadId: "t" }), "/agui/agent/planner/connect?protocol=1.0").then((reader) =>
        reader.until(EventType.MESSAGES_SNAPSHOT),
      );

    const first = await serve(where);
    const run = await postRun(first.url, userInput("go", { threadId: "t" }));
    const patches = () => run.events.filter(({ type }) => type === EventType.ACTIVITY_DELTA);
    await expect.poll(patches).toHaveLength(2);
    expect(await snapshotOf(first.url)).toMatchObject({ messages: [{ role: "user" }, activity(2)] });
    await first.kill();

    const second = await serve(where);
    // The node that was at work had not finished: its change is lost, and so is the run.
    expect(await snapshotOf(second.url)).toMatchObject({ messages: [{ role: "user" }, activity(1)] });
    const { messages } = await get<Thread>(second.url, "/threads/t/messages");
    expect(messages).toMatchObject([{ role: "user" }, activity(1)]);
    await second.stop();
  });

  it.concurrent("still knows which call of its model a client answers, though the model uses one id again", async () => {
    const where = place("calls", false);
    const langgraph = pathToFileURL(resolve("node_modules/@langchain/langgraph/dist/index.js"));
    const messages = pathToFileURL(resolve("node_modules/@langchain/core/dist/messages/index.js"));
    const file = join(where.CONFIG_DIR, "payer.mjs");
    writeFileSync(
      file,
      `import { AIMessage } from ${JSON.stringify(messages)};
       import { MessagesAnnotation, START, StateGraph } from ${JSON.stringify(langgraph)};
       const answer = ({ messages }) => {
         const results = messages.filter((one) => one.type === "tool").map((one) => one.tool_call_id + "=" + one.content);
         if (messages.at(-1).type === "tool") return { messages: [new AIMessage("paid: " + results.join(", "))] };
         return { messages: [new AIMessage({ content: "", tool_calls: [{ id: "c", name: "pay", args: {} }] })] };
       };
       export const graph = new StateGraph(MessagesAnnotation).addNode("answer", answer).addEdge(START, "answer").compile();`,
    );
    const config = JSON.stringify({ agents: { payer: { graph: "./payer.mjs:graph" } } });
    writeFileSync(join(where.CONFIG_DIR, "agents.json"), config);
    const tools = [{ name: "pay", description: "pays", parameters: { type: "object", properties: {} } }];
    const say = async (url: string, content: string) =>
      (await postRun(url, { ...userInput(content, { threadId: "t" }), tools })).done;
    const pay = async (url: string, toolCallId: string, content: string) => {
      const messages = [{ id: `result ${toolCallId}`, role: "tool" as const, toolCallId, content }];
      return (await postRun(url, { ...userInput("", { threadId: "t" }), messages, tools })).done;
    };
    const calls = (events: AguiEvent[]) =>
      events.flatMap((event) => (event.type === EventType.TOOL_CALL_START ? [event.toolCallId] : []));
    const texts = (events: AguiEvent[]) =>
      events.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? [event.delta] : []));

    const first = await serve(where);
    expect(calls(await say(first.url, "one"))).toEqual(["c"]);
    expect(texts(await pay(first.url, "c", "1"))).toEqual(["paid: c=1"]);
    expect(calls(await say(first.url, "two"))).toEqual(["c-2"]);
    await first.kill();

    const second = await serve(where);
    const answered = await pay(second.url, "c-2", "2");
    await verifyRun(answered);
    expect(texts(answered)).toEqual(["paid: c=1, c=2"]);
    expect(calls(await say(second.url, "three"))).toEqual(["c-3"]);
    await second.stop();
  });

  it.concurrent("has every thread again when it was stopped in order, in one file", async () => {
    const where = place("stopped", false);
    const first = await serve(where);
    for (const thread of ["a", "b"]) await chat(first.url, thread, `What is 1 + ${thread === "a" ? 1 : 2}?`);
    const before = await get<Thread>(first.url, "/threads/a/messages");
    expect(await first.stop()).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(where.DATA_DIR)).toEqual(["sluice.db"]);
    const second = await serve(where);
    const { threads } = await get<{ threads: { threadId: string }[] }>(second.url, "/threads");
    expect(threads.map(({ threadId }) => threadId)).toEqual(["b", "a"]);
    expect(await get<Thread>(second.url, "/threads/a/messages")).toEqual(before);
    await second.stop();
  });
});

describe("sluice serve", () => {
  it.concurrent("does not start on data that another process has", async () => {
    const where = place("shared", false);
    const first = await serve(where);
    const holder = process.platform === "linux" ? `process ${first.pid}` : "another process";
    const { code, stdout, stderr } = await sluice(["serve"], { ...where, PORT: "0" });
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: `sluice: DATA_DIR=${where.DATA_DIR}: ${join(where.DATA_DIR, "sluice.db")} is in use by ${holder}. Stop it, or choose another folder.\n`,
    });
    expect(await chat(first.url, "t", "What is 1 + 1?")).toContain("1 + 1 = 2");
    await first.stop();
  });

  it.concurrent("does not start on a damaged file, and leaves it as it is", async () => {
    const where = place("damaged", false);
    mkdirSync(where.DATA_DIR);
    writeFileSync(join(where.DATA_DIR, "sluice.db"), "Dear diary, ".repeat(1_000));
    const { code, stderr } = await sluice(["serve"], { ...where, PORT: "0" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sluice: DATA_DIR=\S+: \S+sluice\.db is damaged, or no SQLite database\.\n$/);
  });

  it.concurrent("does not start where it cannot keep anything", async () => {
    const where = place("blocked", false);
    writeFileSync(where.DATA_DIR, "");
    const { code, stderr } = await sluice(["serve"], { ...where, PORT: "0" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sluice: DATA_DIR=\S+: \S+sluice\.db cannot be opened: \w+: .*\n$/);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
