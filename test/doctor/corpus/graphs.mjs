// Agents as other people write them. cases.ts lists the fault of each.
import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { RunnableLambda } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { Annotation, END, interrupt, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent } from "langchain";
import { z } from "zod";

const url = () => process.env.MODEL_URL;
const model = (more = {}) =>
  new ChatOpenAI({ model: "mock", apiKey: "none", maxRetries: 0, ...more, configuration: { baseURL: url() } });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const one = (work, state = MessagesAnnotation) =>
  new StateGraph(state).addNode("reply", work).addEdge(START, "reply").addEdge("reply", END).compile();

async function post(stream) {
  const response = await fetch(`${url()}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "mock", stream, messages: [{ role: "user", content: "Tell." }] }),
  });
  return stream ? response.body : (await response.json()).choices[0].message.content;
}

async function* pieces() {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of await post(true)) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      const { content } = JSON.parse(line.slice(6)).choices[0].delta;
      if (content) yield content;
    }
  }
}

/** Custom model classes. */
class WholeModel extends SimpleChatModel {
  constructor() {
    super({});
  }
  _llmType() {
    return "own";
  }
  async _call() {
    return post(false);
  }
}
class OwnModel extends WholeModel {
  constructor({ reports = true, fake = undefined } = {}) {
    super();
    this.reports = reports;
    this.fake = fake;
  }
  async *_streamResponseChunks(_messages, _options, manager) {
    const source = this.fake === undefined ? pieces() : (await post(false)).match(/.{1,4}/gs);
    for await (const text of source) {
      if (this.fake) await sleep(this.fake);
      const chunk = new ChatGenerationChunk({ text, message: new AIMessageChunk(text) });
      yield chunk;
      if (this.reports) {
        await manager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk });
      }
    }
  }
}

// These stream.
export const streamed = one(async ({ messages }, config) => {
  let text = "";
  for await (const chunk of await model().stream(messages, config)) text += chunk.text;
  return { messages: [new AIMessage(text)] };
});
export const evented = one(async ({ messages }) => {
  let text = "";
  for await (const { event, data } of model().streamEvents(messages, { version: "v2" })) {
    if (event === "on_chat_model_stream") text += data.chunk.text;
  }
  return { messages: [new AIMessage(text)] };
});
export const subgraph = new StateGraph(MessagesAnnotation)
  .addNode(
    "inner",
    one(async ({ messages }) => ({ messages: [await model().invoke(messages)] })),
  )
  .addEdge(START, "inner")
  .compile();
export const agent = createAgent({
  model: new ChatOpenAI({ model: "mock", apiKey: "none", maxRetries: 0, configuration: { baseURL: url() } }),
  tools: [tool(() => "fine", { name: "weather", description: "Weather.", schema: z.object({}) })],
}).graph;
export const parallel = new StateGraph(MessagesAnnotation)
  .addNode("left", async ({ messages }) => ({ messages: [await model().invoke(messages)] }))
  .addNode("right", async ({ messages }) => ({ messages: [await model().invoke(messages)] }))
  .addEdge(START, "left")
  .addEdge(START, "right")
  .compile();
export const mapped = new StateGraph(MessagesAnnotation)
  .addNode("each", async ({ topic }) => ({ messages: [await model().invoke(`Tell of ${topic}.`)] }))
  .addConditionalEdges(START, () => ["rain", "snow", "hail"].map((topic) => new Send("each", { topic })), ["each"])
  .compile();
export const chained = one(async ({ messages }) => {
  const chain = ChatPromptTemplate.fromMessages([
    ["system", "Be brief."],
    ["placeholder", "{messages}"],
  ])
    .pipe(model())
    .pipe(new StringOutputParser());
  return { messages: [new AIMessage(await chain.invoke({ messages }))] };
});
export const retried = one(async ({ messages }) => ({
  messages: [await model().withRetry({ stopAfterAttempt: 2 }).withFallbacks([model()]).invoke(messages)],
}));
export const ownReporting = one(async ({ messages }) => ({
  messages: [await new OwnModel().invoke(messages)],
}));
export const planned = new StateGraph(MessagesAnnotation)
  .addNode("plan", async ({ messages }) => {
    const planner = model({ tags: ["nostream"] });
    await planner.invoke(messages);
    return {};
  })
  .addNode("reply", async ({ messages }) => ({ messages: [await model().invoke(messages)] }))
  .addEdge(START, "plan")
  .addEdge("plan", "reply")
  .compile();

// These do not.
export const lambdaCut = one(async ({ messages }) => {
  const ask = RunnableLambda.from((input) => model().invoke(input, { callbacks: [] }));
  return { messages: [await ask.invoke(messages)] };
});
export const ownSdk = one(async () => {
  let text = "";
  for await (const piece of pieces()) text += piece;
  return { messages: [new AIMessage(text)] };
});
export const batched = one(async ({ messages }) => {
  const [answer] = await model().batch([messages], { callbacks: [] });
  return { messages: [answer] };
});
export const disabled = one(async ({ messages }) => ({
  messages: [await model({ disableStreaming: true }).invoke(messages)],
}));
export const noStreamMethod = one(async ({ messages }) => ({ messages: [await new WholeModel().invoke(messages)] }));
export const silent = one(async ({ messages }) => ({
  messages: [await new OwnModel({ reports: false }).invoke(messages)],
}));
export const written = one(async (_, { writer }) => {
  let text = "";
  for await (const piece of pieces()) {
    text += piece;
    writer({ token: piece });
  }
  return { messages: [new AIMessage(text)] };
});
export const structured = one(async ({ messages }) => {
  const schema = z.object({ answer: z.string() });
  const { answer } = await model().withStructuredOutput(schema, { method: "jsonMode" }).invoke(messages);
  return { messages: [new AIMessage(answer)] };
});
export const blocked = one(async ({ messages }, config) => {
  const stream = await model().stream(messages, config);
  const until = performance.now() + 1_500;
  while (performance.now() < until);
  let text = "";
  for await (const chunk of stream) text += chunk.text;
  return { messages: [new AIMessage(text)] };
});
export const template = one(() => ({
  messages: [
    new AIMessage("Thank you for asking. All our counters are open from nine to five, on every day but Sunday."),
  ],
}));
export const nested = one(async ({ messages }) => {
  const inner = one(async (state) => ({ messages: [await model().invoke(state.messages)] }));
  return inner.invoke({ messages }, { callbacks: [] });
});
export const generator = one(async function* ({ messages }) {
  for await (const chunk of await model().stream(messages)) yield { messages: [chunk] };
});
export const approval = one(async () => {
  interrupt("May I?");
  return {};
});
export const broken = one(async () => {
  throw new Error("the index is not there");
});
export const hidden = one(async ({ messages }) => ({
  messages: [await model({ tags: ["langsmith:nostream"] }).invoke(messages)],
}));
const Report = Annotation.Root({ messages: Annotation(), report: Annotation() });
export const elsewhere = one(
  async ({ messages }) => ({ report: (await model({ tags: ["nostream"] }).invoke(messages)).text }),
  Report,
);
export const typed = one(async ({ messages }) => ({
  messages: [await new OwnModel({ fake: 10 }).invoke(messages)],
}));
export const burst = one(async ({ messages }) => ({
  messages: [await new OwnModel({ fake: 0 }).invoke(messages)],
}));
export const plain = one(async ({ messages }) => ({ messages: [await model().invoke(messages)] }));
