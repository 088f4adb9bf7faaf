/** LangSmith tracing: a run's trace can be found by Sluice's ids, and a broken LangSmith does not affect runs. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { formatApiKey } from "../../src/config/keys.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { DEFAULT_SCOPES } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";
import { killRest, type ServerProcess, serve } from "../support/child.ts";
import { type FakeLangSmith, fakeLangSmith } from "../support/fake-langsmith.ts";
import { postRun, textOf, userInput } from "../support/sse-client.ts";

function traced(endpoint: string, env: Record<string, string> = {}): Promise<ServerProcess> {
  return serve({ LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: endpoint, LANGSMITH_API_KEY: "lsv2_test", ...env });
}

/** Sixty sums in one message: sixty tool calls and a long answer, without a pause between two tokens. */
const SUMS = Array.from({ length: 60 }, (_, n) => [`${n} + 7`, String(n + 7)] as const);
const BURST = SUMS.map(([sum]) => sum).join("; ");
const BURST_ANSWER = [...SUMS.map(([sum, result]) => `${sum} = ${result}`), "(demo model)"].join("\n\n");

async function expectWholeBurst({ url }: ServerProcess): Promise<void> {
  const events = await (await postRun(url, userInput(BURST))).done;
  expect(textOf(events)).toBe(BURST_ANSWER);
  const results = events.filter(({ type }) => type === EventType.TOOL_CALL_RESULT);
  expect(results).toMatchObject(SUMS.map(([, content]) => ({ content })));
  expect(argumentsOf(events)).toEqual(SUMS.map(([sum]) => JSON.stringify({ expression: sum })));
  const end = events.at(-1) as AguiEvent & { type: EventType.RUN_FINISHED };
  expect(end.type).toBe(EventType.RUN_FINISHED);
  expect(end.usage?.[0]?.outputTokens).toBeGreaterThan(500);
}

function argumentsOf(events: AguiEvent[]): string[] {
  const args = new Map<string, string>();
  for (const event of events) {
    if (event.type !== EventType.TOOL_CALL_ARGS) continue;
    args.set(event.toolCallId, (args.get(event.toolCallId) ?? "") + event.delta);
  }
  return [...args.values()];
}

describe("a server that traces to LangSmith", () => {
  let langsmith: FakeLangSmith | undefined;

  afterEach(async () => {
    killRest();
    await langsmith?.close();
  });

  it("posts traces that can be found by the thread, run and agent a client knows", async () => {
    langsmith = await fakeLangSmith();
    const server = await traced(langsmith.url);
    // Ids that a client made. LangSmith would refuse them as run ids.
    const ids = { threadId: "thread/1", runId: "run one" };
    const events = await (await postRun(server.url, userInput("what is 12 * 7?", ids))).done;
    expect(textOf(events)).toBe("12 * 7 = 84\n\n(demo model)");

    const runs = await langsmith.until((all) => all.some((run) => !run.parent_run_id && run.outputs !== undefined));
    const [root, ...otherRoots] = runs.filter((run) => !run.parent_run_id);
    expect(otherRoots).toEqual([]);
    expect(root).toMatchObject({
      id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-/),
      name: "assistant",
      extra: { metadata: { thread_id: "thread/1", run_id: "run one", agent: "assistant" } },
    });
    // LangSmith groups a thread's runs by this key, which every traced run of it carries.
    expect(runs.map((run) => run.extra.metadata.thread_id)).toEqual(runs.map(() => "thread/1"));
    expect(runs.map((run) => run.run_type)).toEqual(expect.arrayContaining(["chain", "llm", "tool"]));
    expect((await server.stop()).code).toBe(0);
  });

  it("names the principal that asked, whatever a client says, and shows its key nowhere", async () => {
    langsmith = await fakeLangSmith();
    const { key, known } = makeApiKey("ann", DEFAULT_SCOPES);
    const API_KEYS = formatApiKey({ ...known, scopes: [...known.scopes] });
    const server = await traced(langsmith.url, { AUTH: "api-key", API_KEYS });
    const input = userInput("what is 12 * 7?", { forwardedProps: { user_id: "bob", metadata: { user_id: "bob" } } });
    const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
    const response = await fetch(`${server.url}/agui`, { method: "POST", headers, body: JSON.stringify(input) });
    expect(await response.text()).toContain("RUN_FINISHED");
    const runs = await langsmith.until((all) => all.some((run) => !run.parent_run_id && run.outputs !== undefined));
    expect(runs.map((run) => run.extra.metadata.user_id)).toEqual(runs.map(() => "ann"));
    expect(JSON.stringify(runs)).not.toContain(key);
    expect((await server.stop()).code).toBe(0);
  });

  it("loses nothing of a burst while LangSmith takes its traces", async () => {
    langsmith = await fakeLangSmith();
    const server = await traced(langsmith.url);
    await Promise.all([expectWholeBurst(server), expectWholeBurst(server)]);
    await langsmith.until((runs) => runs.length > SUMS.length);
    expect((await server.stop()).code).toBe(0);
  });

  it("delivers every token, ends the run and stops in time while LangSmith hangs", async () => {
    langsmith = await fakeLangSmith({ hangs: true });
    const server = await traced(langsmith.url);
    await expectWholeBurst(server);
    await langsmith.asked; // and it will never answer
    await expectWholeBurst(server);
    expect((await server.stop()).code).toBe(0);
  });

  it("delivers every token, ends the run and stops in time while LangSmith cannot be reached", async () => {
    const server = await traced(`http://127.0.0.1:${await unusedPort()}`);
    await expectWholeBurst(server);
    await expectWholeBurst(server);
    expect((await server.stop()).code).toBe(0);
  });
});

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
