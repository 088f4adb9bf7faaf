/** Reasoning of models, from every field that they use, as the reasoning messages of clients. */
import { randomUUID } from "node:crypto";
import { HttpAgent } from "@ag-ui/client";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { HttpAgent as HttpAgent0 } from "ag-ui-client-0.0.59";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openaiModel } from "../../../src/agents/models/openai.ts";
import { type AguiEvent, EventType, type Message } from "../../../src/protocol/events.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { chatGraph } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";
import { connect, isType } from "../../support/ws-client.ts";
import { completion, type OpenAIEndpoint, openaiEndpoint, response } from "./openai-endpoint.ts";
import { type Answer, type Piece, ScriptedModel } from "./scripted-model.ts";
import { ofType, said, stored, turn } from "./turns.ts";

/** The members of either client that this test uses. */
interface Client {
  readonly threadId: string;
  readonly messages: Message[];
  addMessage(message: Message): void;
  runAgent(parameters?: object): Promise<unknown>;
}

const generations = [
  ["1.0.0", HttpAgent],
  ["0.0.59", HttpAgent0],
] as unknown as [string, new (config: { url: string; threadId: string }) => Client][];

let endpoint: OpenAIEndpoint;
let sluice: TestSluice;

beforeAll(async () => {
  endpoint = await openaiEndpoint();
  const { baseUrl } = endpoint;
  const model = openaiModel({ baseUrl, model: "mock" });
  const chat = chatGraph(model);
  const forgetful = new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addEdge(START, "chat")
    .addEdge("chat", END)
    .compile();
  sluice = await startSluice({
    chat: { graph: chat },
    forgetful: { graph: forgetful },
    responses: { graph: chatGraph(openaiModel({ baseUrl, model: "mock", useResponsesApi: true })) },
    silent: { graph: chat, entry: { reasoning: false } },
    pondering: { graph: chat, entry: { reasoningTags: ["ponder"] } },
    plain: { graph: chat, entry: { reasoningTags: [] } },
  });
});
afterAll(async () => {
  await sluice.close();
  await endpoint.close();
});

const content = (...pieces: string[]) => pieces.map((piece) => ({ content: piece }));
const thoughts = (...pieces: string[]) => pieces.map((piece) => ({ reasoning_content: piece }));

/** Thoughts of models over HTTP: the agent to ask, and the endpoint's answer. All think "I think." and say "Yes, 42." */
const ways: [string, { agent: string; answer: object[] }][] = [
  [
    "reasoning_content beside the content",
    { agent: "chat", answer: completion([...thoughts("I ", "think."), ...content("Yes, ", "42.")]) },
  ],
  ["summaries of the Responses API", { agent: "responses", answer: response(["I ", "think."], ["Yes, ", "42."]) }],
  [
    "<think> in the text, as Ollama has it",
    {
      agent: "chat",
      answer: completion(content("<think>", "\n", "I ", "think.", "\n", "</think>", "\n\n", "Yes, ", "42.")),
    },
  ],
  [
    "<think> cut in the middle of both tags",
    {
      agent: "chat",
      answer: completion(content("<", "thi", "nk", ">I think", ".\n", "</", "think>\n", "\nYes, 42", ".")),
    },
  ],
  [
    "<think> one character at a time",
    { agent: "chat", answer: completion(content(...[..."<think>\nI think.\n</think>\n\nYes, 42."])) },
  ],
  ["<think> all at once", { agent: "chat", answer: completion(content("<think>I think.</think>Yes, 42.")) }],
  ["<THINKING>", { agent: "chat", answer: completion(content("<THINK", "ING>I think.</THINKING>", "Yes, 42.")) }],
  [
    "tags of the agent's own",
    { agent: "pondering", answer: completion(content("<pon", "der>I think.</ponder>Yes, 42.")) },
  ],
];

describe.each(generations)("the messages of @ag-ui/client %s", (_, Agent) => {
  let complaints: unknown[][];
  beforeEach(() => {
    complaints = [];
    const note = (...complaint: unknown[]) => complaints.push(complaint);
    vi.spyOn(console, "warn").mockImplementation(note);
    vi.spyOn(console, "error").mockImplementation(note);
  });
  let own: TestSluice | undefined;
  afterEach(async () => {
    vi.restoreAllMocks();
    await own?.close();
    own = undefined;
  });

  it.each(ways)("have what was thought and what was said apart: %s", async (_way, { agent, answer }) => {
    endpoint.answer(answer);
    const client = new Agent({ url: `${sluice.url}/agui/agent/${agent}/run`, threadId: randomUUID() });
    client.addMessage({ id: "u", role: "user", content: "hi" });
    await client.runAgent();
    expect(client.messages).toMatchObject([
      { role: "user" },
      { role: "reasoning", content: "I think." },
      { role: "assistant", content: "Yes, 42." },
    ]);
    expect(client.messages).toEqual(await stored(sluice.url, client.threadId));
    expect(complaints).toEqual([]);
  });

  it("have what was thought last where nothing was said any more", async () => {
    endpoint.answer(completion(content("Well. ", "<think>", "I never ", "come to an end")));
    const client = new Agent({ url: `${sluice.url}/agui`, threadId: randomUUID() });
    client.addMessage({ id: "u", role: "user", content: "hi" });
    await client.runAgent();
    expect(client.messages.map(({ role, content: text }) => [role, text])).toEqual([
      ["user", "hi"],
      ["assistant", "Well. "],
      ["reasoning", "I never come to an end"],
    ]);
  });

  it("have a block each for thoughts with words between them", async () => {
    endpoint.answer(completion(content("<think>One.</think>First. <think>Two.</think>Second.")));
    const client = new Agent({ url: `${sluice.url}/agui`, threadId: randomUUID() });
    client.addMessage({ id: "u", role: "user", content: "hi" });
    await client.runAgent();
    expect(client.messages.map(({ role, content: text }) => [role, text])).toEqual([
      ["user", "hi"],
      ["reasoning", "One."],
      ["assistant", "First. Second."],
      ["reasoning", "Two."],
    ]);
  });

  it("keep a value that only the provider can read, and the server keeps it too", async () => {
    const answer: Answer = [
      { content: [{ type: "thinking", thinking: "I think." }] },
      { content: [{ type: "thinking", thinking: "", signature: "c2lnbmVk" }] },
      { content: [{ type: "text", text: "Yes." }] },
    ];
    own = await startSluice({ main: { graph: chatGraph(new ScriptedModel(answer)) } });
    const client = new Agent({ url: `${own.url}/agui`, threadId: randomUUID() });
    client.addMessage({ id: "u", role: "user", content: "hi" });
    await client.runAgent();
    expect(client.messages).toMatchObject([
      { role: "user" },
      { role: "reasoning", content: "I think.", encryptedValue: "c2lnbmVk" },
      { role: "assistant", content: "Yes." },
    ]);
    expect(client.messages).toEqual(await stored(own.url, client.threadId));
  });
});

describe("a block of content", () => {
  const text = { content: [{ type: "text", text: "Yes, 42." }] };

  async function sent(piece: Piece): Promise<AguiEvent[]> {
    const own = await startSluice({ main: { graph: chatGraph(new ScriptedModel([piece, text])) } });
    try {
      return await turn(own.url, "main", userInput("hi"));
    } finally {
      await own.close();
    }
  }

  it.each<[string, Piece]>([
    ["LangChain's reasoning block", { content: [{ type: "reasoning", reasoning: "I think." }] }],
    ["Anthropic's thinking block", { content: [{ type: "thinking", thinking: "I think." }] }],
    [
      "OpenAI's block of summaries",
      { content: [{ type: "reasoning", summary: [{ type: "summary_text", text: "I " }, { text: "think." }] }] },
    ],
    [
      "OpenAI's item beside the content",
      { additional_kwargs: { reasoning: { id: "rs_1", summary: [{ type: "summary_text", text: "I think." }] } } },
    ],
    [
      "both, saying the same",
      {
        content: [{ type: "reasoning", reasoning: "I think." }],
        additional_kwargs: { reasoning_content: "I think." },
      },
    ],
  ])("is sent as reasoning: %s", async (_, piece) => {
    const events = await sent(piece);
    const thought = ofType(events, EventType.REASONING_MESSAGE_CONTENT).map(({ delta }) => delta);
    expect(thought.join("")).toBe("I think.");
    expect(said(events)).toEqual(["Yes, 42."]);
  });

  it.each<[string, Piece]>([
    ["a redacted thought", { content: [{ type: "redacted_thinking", data: "c2VjcmV0" }] }],
    ["an encrypted item", { content: [{ type: "reasoning", summary: [], encrypted_content: "c2VjcmV0" }] }],
  ])("that only its provider can read is handed on as it is: %s", async (_, piece) => {
    const events = await sent(piece);
    const [start] = ofType(events, EventType.REASONING_START);
    expect(ofType(events, EventType.REASONING_ENCRYPTED_VALUE)).toMatchObject([
      { subtype: "message", entityId: start?.messageId, encryptedValue: "c2VjcmV0" },
    ]);
    expect(ofType(events, EventType.REASONING_MESSAGE_CONTENT)).toEqual([]);
    expect(said(events)).toEqual(["Yes, 42."]);
  });
});

describe("reasoning", () => {
  it("is over before the answer begins, so that a client knows how long it took", async () => {
    endpoint.answer(completion([...thoughts("I think."), ...content("Yes.")]));
    const events = await turn(sluice.url, "chat", userInput("hi"));
    const types = events.map(({ type }) => type);
    expect(types.indexOf(EventType.REASONING_END)).toBeLessThan(types.indexOf(EventType.TEXT_MESSAGE_START));
    const times = events.filter(({ type }) => type === EventType.REASONING_START || type === EventType.REASONING_END);
    expect(times).toMatchObject([{ timestamp: expect.any(Number) }, { timestamp: expect.any(Number) }]);
  });

  it("is not shown to the model with the next turn: what was said is", async () => {
    endpoint.answer(completion(content("<think>I think.</think>", "Yes.")), completion(content("Again.")));
    const input = userInput("one");
    const { threadId } = input;
    await turn(sluice.url, "forgetful", input);
    const held = await stored(sluice.url, threadId);
    expect(held.map(({ role }) => role)).toEqual(["user", "reasoning", "assistant"]);
    const next = { id: "u2", role: "user" as const, content: "two" };
    await turn(sluice.url, "forgetful", userInput("", { threadId, messages: [...held, next] }));
    expect(endpoint.asked.at(-1)?.messages).toEqual([
      { role: "user", content: "one" },
      { role: "assistant", content: "Yes." },
      { role: "user", content: "two" },
    ]);
  });

  it("in code is only talked about, and stays text", async () => {
    const text = "Use `<think>` so:\n```xml\n<think>\nhm\n</think>\n```\nThat is all.";
    endpoint.answer(completion(content(...text.split(/(?<=[<>`\n])/))));
    const events = await turn(sluice.url, "chat", userInput("hi"));
    expect(said(events)).toEqual([text]);
    expect(ofType(events, EventType.REASONING_START)).toEqual([]);
  });

  it("is not looked for in the text of an agent without reasoning tags", async () => {
    const text = "<think>I think.</think>Yes.";
    endpoint.answer(completion(content(text)));
    expect(said(await turn(sluice.url, "plain", userInput("hi")))).toEqual([text]);
  });

  describe.each(ways)("by %s", (_, { agent, answer }) => {
    it("is left out of a run that does not want it", async () => {
      endpoint.answer(answer);
      const input = userInput("hi", { forwardedProps: { sluice: { reasoning: false } } });
      const events = await turn(sluice.url, agent, input);
      expectUnthought(events);
      expect(JSON.stringify(await stored(sluice.url, input.threadId))).not.toContain("I think");
    });

    it("is left out for a connection that does not want it, while others see it", async () => {
      endpoint.answer(answer);
      const thread = `thread-${randomUUID()}`;
      const own = `${sluice.ws}/ws?agent=${agent}&thread=${thread}&protocol=1.0`;
      const [deaf, hearing] = await Promise.all([connect(`${own}&reasoning=false`), connect(own)]);
      deaf.send("hi");
      const [heardLess, heardAll] = await Promise.all(
        [deaf, hearing].map(async (client) => {
          const frames = await client.until(isType(EventType.RUN_FINISHED));
          return frames.map((frame) => JSON.parse(frame) as AguiEvent);
        }),
      );
      await verifyRun(heardLess ?? []);
      expectUnthought(heardLess ?? []);
      const all = ofType(heardAll ?? [], EventType.REASONING_MESSAGE_CONTENT);
      expect(all.map(({ delta }) => delta).join("")).toBe("I think.");
      await Promise.all([deaf.close(), hearing.close()]);
    });
  });

  it("is left out by an agent that does not send it", async () => {
    endpoint.answer(completion([...thoughts("I think."), ...content("<think>I think.</think>Yes, 42.")]));
    expectUnthought(await turn(sluice.url, "silent", userInput("hi")));
  });

  it("that an agent does not send is not sent to a run that asks for it", async () => {
    endpoint.answer(completion([...thoughts("I think."), ...content("Yes, 42.")]));
    const input = userInput("hi", { forwardedProps: { sluice: { reasoning: true } } });
    expectUnthought(await turn(sluice.url, "silent", input));
  });
});

function expectUnthought(events: readonly AguiEvent[]): void {
  expect(events.filter(({ type }) => type.startsWith("REASONING"))).toEqual([]);
  expect(JSON.stringify(events)).not.toContain("I think");
  expect(said(events)).toEqual(["Yes, 42."]);
}
