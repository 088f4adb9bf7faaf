/** Histories that clients change: an edited message, a request for another answer, a restarted conversation. */

import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import { type AguiEvent, EventType, type Message } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { ScriptedModel } from "./scripted-model.ts";
import { ofType, said, silentInput, stored, turn } from "./turns.ts";

let sluice: TestSluice | undefined;

afterEach(async () => {
  await sluice?.close();
});

/** The prompt of the model as text: `you: ...` and `me: ...`. */
function shown(prompt: readonly BaseMessage[]): string[] {
  return prompt.map((message) => `${message.getType() === "human" ? "you" : "me"}: ${message.text}`);
}

describe.each([
  ["that keeps its threads", true],
  ["that remembers nothing", false],
])("a graph %s", (_, remembers) => {
  /** Every prompt so far. The answers are numbered, so that no two are the same. */
  async function serve() {
    const prompts: string[][] = [];
    const model = new ScriptedModel((prompt) => [`answer ${prompts.push(shown(prompt))}`]);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
      .addEdge(START, "chat")
      .addEdge("chat", END)
      .compile(remembers ? { checkpointer: memory() } : {});
    sluice = await startSluice({ main: { graph } });
    const { url } = sluice;
    const { threadId } = userInput("");
    const send = (messages: readonly Message[]) =>
      turn(url, "main", silentInput({ threadId, messages: [...messages] }));
    /** Sends another message, with the whole history so far. */
    const type = async (id: string, content: string) => send([...(await sent()), { id, role: "user", content }]);
    const sent = () => stored(url, threadId);
    /** The messages that the graph itself keeps. */
    const kept = async () => {
      const { values } = await graph.getState({ configurable: { thread_id: threadId } });
      return shown((values as typeof MessagesAnnotation.State).messages);
    };
    return { prompts, send, type, sent, kept };
  }

  async function threeTurns() {
    const thread = await serve();
    await thread.type("u1", "one");
    await thread.type("u2", "two");
    await thread.type("u3", "three");
    return { ...thread, held: await thread.sent() };
  }

  it("goes on with what it knows while clients only type on", async () => {
    const { prompts, held } = await threeTurns();
    expect(prompts.at(-1)).toEqual(["you: one", "me: answer 1", "you: two", "me: answer 2", "you: three"]);
    expect(held.map(({ content }) => content)).toEqual(["one", "answer 1", "two", "answer 2", "three", "answer 3"]);
  });

  it("goes back to before an edited message: what came after it never was", async () => {
    const { prompts, send, sent, kept, held } = await threeTurns();
    const edited = held.slice(0, 3).map((message) => (message.id === "u2" ? { ...message, content: "TWO" } : message));
    const events = await send(edited as Message[]);
    expect(prompts.at(-1)).toEqual(["you: one", "me: answer 1", "you: TWO"]);
    expect(said(events)).toEqual(["answer 4"]);
    expect((await sent()).map(({ content }) => content)).toEqual(["one", "answer 1", "TWO", "answer 4"]);
    if (remembers) expect(await kept()).toEqual(["you: one", "me: answer 1", "you: TWO", "me: answer 4"]);
  });

  it("says right after RUN_STARTED which messages still hold", async () => {
    const { send, held } = await threeTurns();
    const events = await send(held.slice(0, 3));
    expect(events.slice(0, 2)).toMatchObject([
      { type: EventType.RUN_STARTED },
      { type: EventType.MESSAGES_SNAPSHOT, messages: held.slice(0, 3) },
    ]);
    expect(ofType(events, EventType.MESSAGES_SNAPSHOT)).toHaveLength(1);
  });

  it("answers again when the last answer is gone from the history", async () => {
    const { prompts, send, sent, kept, held } = await threeTurns();
    await send(held.slice(0, 5));
    expect(prompts.at(-1)).toEqual(prompts.at(-2));
    expect((await sent()).map(({ content }) => content).slice(-2)).toEqual(["three", "answer 4"]);
    if (remembers) expect((await kept()).slice(-2)).toEqual(["you: three", "me: answer 4"]);
  });

  it("begins anew from an edited first message", async () => {
    const { prompts, send, sent, kept } = await threeTurns();
    const events = await send([{ id: "u1", role: "user", content: "ONE" }]);
    expect(prompts.at(-1)).toEqual(["you: ONE"]);
    expect(messagesOf(events)).toEqual(["ONE"]);
    expect((await sent()).map(({ content }) => content)).toEqual(["ONE", "answer 4"]);
    if (remembers) expect(await kept()).toEqual(["you: ONE", "me: answer 4"]);
  });

  it("answers the first message again", async () => {
    const { prompts, send, sent, held } = await threeTurns();
    await send(held.slice(0, 1));
    expect(prompts.at(-1)).toEqual(["you: one"]);
    expect((await sent()).map(({ content }) => content)).toEqual(["one", "answer 4"]);
  });

  it("goes on from a fork, and forks again, to before the first one too", async () => {
    const { prompts, send, type, sent, held } = await threeTurns();
    await send(held.slice(0, 3)); // two, once more
    await type("u4", "four");
    expect(prompts.at(-1)).toEqual(["you: one", "me: answer 1", "you: two", "me: answer 4", "you: four"]);
    const now = await sent();
    await send(now.slice(0, 5)); // four, once more
    expect(prompts.at(-1)).toEqual(prompts.at(-2));
    await send(now.slice(0, 1)); // one, once more
    expect(prompts.at(-1)).toEqual(["you: one"]);
    expect((await sent()).map(({ content }) => content)).toEqual(["one", "answer 7"]);
  });

  it("goes back to before an edited message also where the client has other ids for the answers", async () => {
    const { prompts, send, sent, held } = await threeTurns();
    const own = held.slice(0, 3).map((message, index) => ({
      ...message,
      ...(message.role === "assistant" ? { id: `own-${index}` } : {}),
      ...(message.id === "u2" ? { content: "TWO" } : {}),
    }));
    await send(own as Message[]);
    expect(prompts.at(-1)).toEqual(["you: one", "me: answer 1", "you: TWO"]);
    expect((await sent()).map(({ content }) => content)).toEqual(["one", "answer 1", "TWO", "answer 4"]);
  });

  it("does not take a history that was cut at its beginning for a fork", async () => {
    const { prompts, send, sent, held } = await threeTurns();
    const events = await send([...held.slice(3), { id: "u4", role: "user", content: "four" }]);
    expect(ofType(events, EventType.MESSAGES_SNAPSHOT)).toEqual([]);
    expect(prompts.at(-1)).toHaveLength(7);
    expect(await sent()).toHaveLength(8);
  });

  it("does not take a line that comes alone for a fork", async () => {
    const { prompts, send } = await threeTurns();
    const events = await send([{ id: "u4", role: "user", content: "four" }]);
    expect(ofType(events, EventType.MESSAGES_SNAPSHOT)).toEqual([]);
    expect(prompts.at(-1)).toHaveLength(7);
  });
});

describe("a graph whose answers get their ids only in its own state", () => {
  it("gets the news and nothing twice, and goes back like any other", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("chat", ({ messages }) => ({ messages: [new AIMessage(`answer to ${messages.at(-1)?.text}`)] }))
      .addEdge(START, "chat")
      .addEdge("chat", END)
      .compile({ checkpointer: memory() });
    sluice = await startSluice({ main: { graph } });
    const { url } = sluice;
    const { threadId } = userInput("");
    const say = async (held: readonly Message[], id: string, content: string) => {
      const messages: Message[] = [...held, { id, role: "user", content }];
      await turn(url, "main", silentInput({ threadId, messages }));
      const { values } = await graph.getState({ configurable: { thread_id: threadId } });
      return shown((values as typeof MessagesAnnotation.State).messages);
    };
    await say([], "u1", "one");
    const sent = await stored(url, threadId);
    expect(await say(sent, "u2", "two")).toEqual(["you: one", "me: answer to one", "you: two", "me: answer to two"]);
    expect(await say(sent, "u2", "TWO")).toEqual(["you: one", "me: answer to one", "you: TWO", "me: answer to TWO"]);
  });
});

function messagesOf(events: readonly AguiEvent[]): unknown[] {
  return ofType(events, EventType.MESSAGES_SNAPSHOT).flatMap(({ messages }) => messages.map(({ content }) => content));
}
