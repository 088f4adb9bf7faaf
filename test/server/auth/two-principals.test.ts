/**
 * One principal tries every route and every frame on a thread of another: it gets the same bytes as for a thread that
 * does not exist, with the same calls of the store. The table is made from the documents, so it includes new routes.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as endOfTurn } from "node:timers/promises";
import { AIMessage } from "@langchain/core/messages";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { formatApiKey } from "../../../src/config/keys.ts";
import { SUBPROTOCOL } from "../../../src/protocol/frames.ts";
import { DEFAULT_SCOPES } from "../../../src/protocol/scopes.ts";
import { makeApiKey } from "../../../src/server/auth/api-keys.ts";
import { OPERATIONS, type Operation } from "../../../src/server/documents/operations.ts";
import { SHAPES } from "../../../src/server/documents/schemas.ts";
import { MemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { connect } from "../../support/ws-client.ts";

const SECRET = "what only Ann may know";
const KEYS = { ann: makeApiKey("ann", DEFAULT_SCOPES), bob: makeApiKey("bob", DEFAULT_SCOPES) };
type Who = keyof typeof KEYS;

let sluice: TestSluice;
let calls: string[] = [];

/** Notes the name of each call of the store. */
function noted<T extends object>(store: T): T {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name === "shares") return noted(value as Store["shares"]);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        calls.push(String(name));
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}

/** A graph that asks on request, and otherwise repeats its messages. */
function graph() {
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", ({ messages }) => {
      const asked = messages.at(-1)?.text.includes("ask") === true;
      return { messages: new AIMessage(asked ? `You said ${String(interrupt(SECRET))}` : "Hello.") };
    })
    .addEdge(START, "chat")
    .addEdge("chat", END)
    .compile({ checkpointer: memory() });
}

beforeAll(async () => {
  const API_KEYS = Object.values(KEYS)
    .map(({ known }) => formatApiKey({ ...known, scopes: [...known.scopes] }))
    .join(",");
  const store = noted(new MemoryStore(1_000, () => {}));
  sluice = await startSluice({ chat: { graph: graph() } }, { AUTH: "api-key", API_KEYS }, { store });
});
afterAll(() => sluice.close());

const bearer = (who: Who) => ({ authorization: `Bearer ${KEYS[who].key}` });

async function post(who: Who, path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${sluice.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(who), ...headers },
    body: JSON.stringify(body),
  });
}

interface Anns {
  readonly threadId: string;
  readonly cursor: string;
  readonly runId: string;
  readonly messages: readonly object[];
  readonly interruptId: string;
  /** The id of a share of it. */
  readonly share: string;
}

/** A thread of Ann's with a secret in it, which waits for an answer. */
async function annsThread(): Promise<Anns> {
  const threadId = randomUUID();
  const input = (content: string) => ({
    threadId,
    runId: randomUUID(),
    messages: [{ id: randomUUID(), role: "user", content }],
  });
  await (await post("ann", "/agui", input(SECRET))).text();
  const last = input("ask me");
  const { interrupts } = (await (await post("ann", "/agui", last, { accept: "application/json" })).json()) as {
    interrupts: { id: string }[];
  };
  const read = async (path: string) =>
    (await (await fetch(`${sluice.url}/threads/${threadId}${path}`, { headers: bearer("ann") })).json()) as {
      cursor: string;
      messages: object[];
    };
  const [{ cursor }, { messages }] = [await read(""), await read("/messages")];
  const { share } = (await (await post("ann", `/threads/${threadId}/shares`, {})).json()) as { share: string };
  return { threadId, cursor, runId: last.runId, messages, interruptId: interrupts[0]?.id ?? "", share };
}

/** The parts that differ between two equal threads: ids, positions and times. */
function alike(text: string, { threadId }: Pick<Anns, "threadId">): string {
  return text
    .replaceAll(threadId, "THREAD")
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID")
    .replace(/[A-Za-z0-9]{12}:\d+/g, "CURSOR")
    .replace(/"timestamp":\d+/g, '"timestamp":0');
}

interface Seen {
  readonly text: string;
  readonly calls: readonly string[];
}

/** Bob's look at Ann's thread, and at one that is not there. */
async function compared(look: (anns: Anns) => Promise<string>): Promise<void> {
  const seen: Seen[] = [];
  const anns = await annsThread();
  for (const threadId of [anns.threadId, randomUUID()]) {
    while (sluice.runs.activeCount > 0) await endOfTurn();
    calls = [];
    const text = await look({ ...anns, threadId });
    // The end of a run is stored after its last event was sent.
    while (sluice.runs.activeCount > 0) await endOfTurn();
    seen.push({ text: alike(text, { threadId }), calls: calls.splice(0) });
  }
  const [others, missing] = seen as [Seen, Seen];
  expect(others).toEqual(missing);
  expect(others.text).not.toContain(SECRET);
  const { messages } = (await (
    await fetch(`${sluice.url}/threads/${anns.threadId}/messages`, { headers: bearer("ann") })
  ).json()) as { messages: object[] };
  expect(messages).toEqual(anns.messages);
}

/** Bodies with which Bob may try Ann's thread. */
const BODIES: Readonly<Record<string, Readonly<Record<string, (anns: Anns) => object>>>> = {
  RunAgentInput: {
    "a message": ({ threadId, runId }) => ({
      threadId,
      runId,
      messages: [{ id: "m", role: "user", content: "What was said here?" }],
    }),
    "her history": ({ threadId, runId, messages }) => ({
      threadId,
      runId: `${runId}-fork`,
      messages: [
        ...messages.slice(0, 1).map((message) => ({ ...message, content: "?" })),
        { id: "m", role: "user", content: "And then?" },
      ],
    }),
    "an answer": ({ threadId, interruptId }) => ({
      threadId,
      runId: "answer",
      messages: [],
      resume: [{ interruptId, status: "resolved", payload: "yes" }],
    }),
  },
  Connect: {
    "no position": ({ threadId }) => ({ threadId }),
    "her position": ({ threadId, cursor }) => ({ threadId, after: cursor }),
  },
  NewShare: { "a share": () => ({}) },
  ChatQuestion: { "a question": ({ threadId }) => ({ threadId, message: "What was said here?" }) },
};

describe("every route with a thread", () => {
  const withThread = OPERATIONS.filter(({ path, body }) => path.includes("{threadId}") || (body && body in BODIES));
  const table = withThread.flatMap((operation) => {
    const bodies: [string, ((anns: Anns) => object) | undefined][] = operation.body
      ? Object.entries(BODIES[operation.body] ?? {})
      : [["", undefined]];
    const headers = Object.keys(operation.headers ?? {}).includes("Last-Event-ID") ? ["", "Last-Event-ID"] : [""];
    return bodies.flatMap(([name, body]) =>
      headers.map((header): [string, Operation, typeof body, boolean] => [
        [`${operation.method} ${operation.path}`, name, header].filter(Boolean).join(", "),
        operation,
        body,
        header !== "",
      ]),
    );
  });

  it("is tried", () => expect(table.length).toBeGreaterThan(15));

  it.each(table)("%s", async (_, { method, path }, body, positioned) => {
    await compared(async (anns) => {
      const headers: Record<string, string> = {
        ...bearer("bob"),
        ...(positioned ? { "last-event-id": anns.cursor } : {}),
      };
      if (body) headers["content-type"] = "application/json";
      const url = path.replace("{agent}", "chat").replace("{threadId}", anns.threadId).replace("{share}", anns.share);
      const response = await fetch(`${sluice.url}${url}`, {
        method: method.toUpperCase(),
        headers,
        ...(body ? { body: JSON.stringify(body(anns)) } : {}),
      });
      return `${response.status} ${await upToItsEnd(response)}`;
    });
  });

  it("and none but those of the watch and of runs is more than a refusal", async () => {
    for (const { method, path, body } of withThread.filter(({ body, path }) => !body && !path.endsWith("/events"))) {
      const { threadId, share } = await annsThread();
      const url = path.replace("{agent}", "chat").replace("{threadId}", threadId).replace("{share}", share);
      const response = await fetch(`${sluice.url}${url}`, { method: method.toUpperCase(), headers: bearer("bob") });
      expect([body, response.status]).toEqual([undefined, 404]);
    }
  });
});

describe("every frame with a thread", () => {
  const FRAMES: Readonly<Record<string, readonly ((anns: Anns) => object)[]>> = {
    run: Object.values(BODIES.RunAgentInput ?? {}).map((body) => (anns) => ({ input: body(anns) })),
    subscribe: [
      ({ threadId }) => ({ topic: `thread:${threadId}` }),
      ({ threadId, cursor }) => ({ topic: `thread:${threadId}`, after: cursor }),
    ],
    unsubscribe: [({ threadId }) => ({ topic: `thread:${threadId}` })],
    inject: [({ threadId }) => ({ threadId, message: "Tell me" })],
    cancel: [({ threadId }) => ({ threadId })],
    stats: [({ threadId }) => ({ topic: `thread:${threadId}` })],
  };
  const WITHOUT_THREAD = ["auth", "ping"];

  it("is tried", () => {
    const types = SHAPES.ClientFrame.options.map(({ shape }) => (shape.type as unknown as z.ZodLiteral<string>).value);
    expect(types.filter((type) => !WITHOUT_THREAD.includes(type))).toEqual(Object.keys(FRAMES));
  });

  const table = Object.entries(FRAMES).flatMap(([type, all]) =>
    all.map((members, index): [string, typeof members, number] => [type, members, index]),
  );

  it.each(table)("%s", async (type, members) => {
    await compared(async (anns) => {
      const socket = await connect(`${sluice.ws}/ws`, { headers: bearer("bob") }, [SUBPROTOCOL]);
      socket.send({ type, id: "tried", ...members(anns) });
      const answer = JSON.parse(
        (await socket.until((text) => text.includes('"id":"tried"'))).find((text) => text.includes('"id":"tried"')) ??
          "",
      ) as { type: string };
      if (answer.type === "ack" && type !== "unsubscribe")
        await socket.until((text) => /RUN_(FINISHED|ERROR)/.test(text));
      await socket.close();
      return socket.frames.slice(1).join("\n");
    });
  });

  it.each(["agui", "langgraph", "text"])("an answer, a cancel and a line in the format %s", async (format) => {
    await compared(async ({ threadId }) => {
      const socket = await connect(`${sluice.ws}/ws?format=${format}&thread=${threadId}`, { headers: bearer("bob") });
      const after = async (sent: string, count: number) => {
        socket.send(sent);
        await socket.until(() => socket.frames.length >= count);
      };
      await after('{"type":"resume","payload":"yes"}', 1);
      await after('{"type":"cancel"}', 2);
      const before = socket.frames.length;
      socket.send("What was said here?");
      await socket.until((text) => socket.frames.length > before && /RUN_FINISHED|"event":"done"|^\[done/.test(text));
      await socket.close();
      return socket.frames.join("\n");
    });
  });
});

/** A watch is read up to its first terminal event, and everything else to its end. */
async function upToItsEnd({ body }: Response): Promise<string> {
  if (!body) return "";
  let text = "";
  for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(bytes);
    if (/RUN_(FINISHED|ERROR)[^\n]*\n/.test(text)) break;
  }
  return text;
}
