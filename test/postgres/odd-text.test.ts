/** Text that Postgres cannot hold, in each place where a client may name something: it is refused, and no error of the server. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgres } from "../../src/app/postgres-storage.ts";
import { formatApiKey } from "../../src/config/keys.ts";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import { SCOPES } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";
import { operationsOf } from "../../src/server/documents/openapi.ts";
import { propertiesOf } from "../../src/server/documents/schemas.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connect } from "../support/ws-client.ts";

const { key, known } = makeApiKey("ann", SCOPES);
const API_KEYS = formatApiKey({ ...known, scopes: [...known.scopes] });
const headers = { authorization: `Bearer ${key}` };

let server: PostgresServer;
const open: Record<string, TestSluice> = {};
beforeAll(async () => {
  server = await startPostgres();
  const sorts: Record<string, Record<string, string>> = { nobody: {}, principals: { AUTH: "api-key", API_KEYS } };
  for (const [name, auth] of Object.entries(sorts)) {
    const { store } = await openPostgres(await server.database());
    const graph = chatGraph(new SteppedModel({ always: ["Hello"] }));
    open[name] = await startSluice(
      { chat: { graph } },
      { LANGGRAPH_API: "true", AI_SDK_API: "true", HEARTBEAT_SECONDS: "0.1", ...auth },
      { store },
    );
  }
});
afterAll(async () => {
  await Promise.all(Object.values(open).map((sluice) => sluice.close()));
  await server.stop();
});

const NUL = "a\0b";
const SURROGATE = "a\ud800b";
/** A page's position that no server gave out. */
const place = (updatedAt: string, threadId: string) =>
  Buffer.from(`[${updatedAt},${JSON.stringify(threadId)}]`).toString("base64url");
const POSITIONS = [
  place("1", NUL),
  place("1", SURROGATE),
  place("1.5", "t"),
  place("1e300", "t"),
  place("-1e999", "t"),
];

const named = operationsOf({ langGraphApi: true, aiSdkApi: true }).flatMap(({ method, path, query }) => {
  const filled = (other: string) =>
    path.replace(/\{(\w+)\}/g, (_, name) =>
      name === "agent" ? "chat" : name === other ? encodeURIComponent(NUL) : "t",
    );
  const inPath = [...path.matchAll(/\{(\w+)\}/g)]
    .filter(([, name]) => name !== "agent")
    .map(([, name = ""]) => [method, filled(name)]);
  const inQuery = query
    ? propertiesOf(query).flatMap(([name]) =>
        [NUL, ...POSITIONS].map((value) => [
          method,
          `${filled("")}?${new URLSearchParams({ threadId: "t", [name]: value })}`,
        ]),
      )
    : [];
  return [...inPath, ...inQuery];
});

describe.each(["nobody", "principals"])("to a server of %s", (which) => {
  it.each(named)("%s %s", async (method, path) => {
    const sluice = open[which] as TestSluice;
    const abort = new AbortController();
    const response = await fetch(`${sluice.url}${path}`, {
      method: method?.toUpperCase(),
      headers: { ...headers, "content-type": "application/json" },
      ...(method === "get" ? {} : { body: "{}" }),
      signal: abort.signal,
    });
    expect([500, 502, 503], response.ok ? "" : await response.text()).not.toContain(response.status);
    abort.abort();
  });

  it.each([NUL, SURROGATE])("commands and frames that name %j", async (odd) => {
    const sluice = open[which] as TestSluice;
    const commands = [
      { type: "cancel", threadId: odd },
      { type: "cancel", runId: odd },
      { type: "cancel", threadId: "t", runId: odd },
      { type: "inject", threadId: odd, message: "hi" },
      { type: "resume", interruptId: odd, payload: 1 },
      { type: "run", agent: odd, input: userInput("hi") },
      { type: "run", input: userInput("hi", { threadId: odd }) },
      { type: "run", input: userInput("hi", { runId: odd }) },
      { type: "run", input: { ...userInput("hi"), resume: [{ interruptId: odd, status: "resolved" }] } },
    ];
    const agui = await connect(`${sluice.ws}/ws`, { headers });
    for (const command of commands) {
      agui.frames.length = 0;
      agui.send(command);
      const answers = await agui.until((frame) => /"RUN_(ERROR|FINISHED)"/.test(frame));
      expect(answers.join("")).not.toContain('"internal"');
    }
    const frames = [
      ...["cancel", "inject"].map((type) => ({ type, threadId: odd, message: "hi" })),
      ...["subscribe", "unsubscribe", "stats"].flatMap((type) =>
        [`thread:${odd}`, `thread:${encodeURIComponent(NUL)}`].map((topic) => ({ type, topic })),
      ),
      { type: "run", agent: odd, input: userInput("hi") },
      { type: "run", input: userInput("hi", { threadId: odd }) },
      { type: "run", input: userInput("hi", { runId: odd }) },
      { type: "run", input: { ...userInput("hi"), resume: [{ interruptId: odd, status: "resolved" }] } },
    ];
    const socket = await connect(`${sluice.ws}/ws`, { headers }, [SUBPROTOCOL]);
    for (const [index, frame] of frames.entries()) {
      socket.send({ id: `f${index}`, ...frame });
      const answers = await socket.until((text) => text.includes(`"f${index}"`));
      expect(answers.at(-1)).toMatch(/"type":"(error|ack)"/);
      expect(answers.at(-1)).not.toContain('"internal"');
    }
    await Promise.all([agui.close(), socket.close()]);
  });

  it("in the text of a message it is kept", async () => {
    const sluice = open[which] as TestSluice;
    const input = userInput(NUL);
    const answer = await fetch(`${sluice.url}/agui`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(input),
    });
    expect(answer.status).toBe(200);
    const read = await fetch(`${sluice.url}/threads/${input.threadId}/messages`, { headers });
    expect(await read.json()).toMatchObject({ messages: [{ content: NUL }, { content: "Hello" }] });
  });
});
