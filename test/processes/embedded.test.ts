/** Sluice in two apps that share Postgres and Redis, like two processes of one app. */
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ConnectedStorage, connectStorage, type StorageOptions } from "../../src/app/embedded-storage.ts";
import { createSluice, type Sluice } from "../../src/app/sluice.ts";
import { startHost } from "../support/host.ts";
import { type SharedServers, startShared } from "../support/processes.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse, watchSse } from "../support/sse-frames.ts";
import { SteppedModel } from "../support/stepped-model.ts";

let shared: SharedServers;
beforeAll(async () => {
  shared = await startShared();
});
afterAll(() => shared.stop());

const model = new SteppedModel();

/** Starts an app on a free port. */
async function app(storage: ConnectedStorage): Promise<Sluice & { readonly url: string }> {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addEdge(START, "chat")
    .addEdge("chat", END);
  const agents = { chat: { graph, orphanGraceSeconds: 30 } };
  const sluice = createSluice({ agents, storage, drainSeconds: 0.2 });
  const host = await startHost((express) => express.use(sluice.router));
  const close = async () => {
    await sluice.close();
    await host.close();
  };
  return { ...sluice, close, url: host.url };
}

const text = (part: string) => (frame: { data?: string }) => frame.data?.includes(`"delta":"${part}"`) === true;

describe("apps that embed Sluice", () => {
  it("share threads and runs, and remember what the other's graph did", async () => {
    const { databaseUrl, prefix: redisPrefix } = await shared.deployment();
    const options: StorageOptions = { databaseUrl, redisUrl: shared.redis.url, redisPrefix };
    const [here, there] = await Promise.all([connectStorage(options).then(app), connectStorage(options).then(app)]);
    const input = userInput("one");
    const run = await openSse(`${here.url}/agui`, input);
    model.say("two");
    await run.until(text("two"));
    const reader = await watchSse(`${there.url}/threads/${input.threadId}/events`);
    await reader.until(text("two"));
    expect((await there.runs.active(input.threadId))?.runId).toBe(input.runId);
    model.end();
    await reader.until(hasType("RUN_FINISHED"));
    reader.abort();
    await run.done;

    const next = await openSse(`${there.url}/agui`, userInput("three", { threadId: input.threadId }));
    model.say("four").end();
    expect(eventsOf(dataOf(await next.done)).at(-1)).toMatchObject({ type: "RUN_FINISHED" });
    expect(model.prompts.at(-1)).toEqual(["one", "two", "three"]);

    await here.close();
    const last = await openSse(`${there.url}/agui`, userInput("five", { threadId: input.threadId }));
    model.say("six").end();
    expect(eventsOf(dataOf(await last.done)).at(-1)).toMatchObject({ type: "RUN_FINISHED" });
    await there.close();
  });

  it("are alone with a database without Redis, and hear in one line what is wrong", async () => {
    const { databaseUrl, prefix: redisPrefix } = await shared.deployment();
    const alone = await connectStorage({ databaseUrl });
    await expect(connectStorage({ databaseUrl })).rejects.toThrow(
      /^databaseUrl: the database is in use by another process/,
    );
    await alone.close();

    const url = "postgres://me:hush-hush@127.0.0.1:1/none";
    const wrong: readonly [StorageOptions, RegExp][] = [
      [{ databaseUrl: url }, /^databaseUrl: the database cannot be opened: .+$/],
      [{ databaseUrl: "mysql://me:hush-hush@db/none" }, /^databaseUrl=\(not shown\) is not valid: .+$/],
      [{ databaseUrl, redisUrl: "redis://me:hush-hush@127.0.0.1:1/0", redisPrefix }, /^redisUrl: .+$/],
      [{ databaseUrl, redisURL: "redis://127.0.0.1" } as StorageOptions, /^There is no option "redisURL"/],
      [{} as StorageOptions, /^connectStorage, databaseUrl: /],
    ];
    for (const [options, message] of wrong) {
      const error = (await connectStorage(options).catch((thrown: unknown) => thrown)) as Error;
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain("hush-hush");
    }
  });

  it("have a storage each, and no other place for threads beside it", async () => {
    const { databaseUrl } = await shared.deployment();
    const storage = await connectStorage({ databaseUrl });
    const agents = { chat: new StateGraph(MessagesAnnotation).addNode("none", () => ({})).addEdge(START, "none") };
    expect(() => createSluice({ agents, storage, dataDir: "here" })).toThrow("Set only one of dataDir and storage.");
    const sluice = createSluice({ agents, storage });
    expect(() => createSluice({ agents, storage })).toThrow("one for each createSluice");
    await sluice.close();
  });
});
