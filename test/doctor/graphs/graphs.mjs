// Graphs that stream, and graphs that do not, each for a different reason.
import { execFileSync } from "node:child_process";
import { Worker } from "node:worker_threads";
import { BaseCache } from "@langchain/core/caches";
import { AIMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { Annotation, END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { askWhole, Custom, oneNode, openai, pause, Tooled, words } from "./parts.mjs";

// These stream.
export const good = oneNode(async ({ messages }) => ({ messages: [await openai().invoke(messages)] }));
export const twoNodes = new StateGraph(MessagesAnnotation)
  .addNode("plan", async ({ messages }) => ({ messages: [await openai().invoke(messages)] }))
  .addNode("write", async ({ messages }, config) => {
    const stream = await openai().stream(messages, config);
    let whole;
    for await (const chunk of stream) whole = whole ? whole.concat(chunk) : chunk;
    return { messages: [whole] };
  })
  .addEdge(START, "plan")
  .addEdge("plan", "write")
  .addEdge("write", END)
  .compile();
export const standIn = oneNode(async ({ messages }) => {
  const model = new FakeListChatModel({ responses: ["Water always finds its own way down."], sleep: 5 });
  return { messages: [await model.invoke(messages)] };
});
export const echo = oneNode(async ({ messages }) => {
  const model = new FakeListChatModel({ responses: [messages.at(-1).text], sleep: 5 });
  return { messages: [await model.invoke(messages)] };
});
/** Takes a topic, and no messages. */
const Topic = Annotation.Root({ topic: Annotation(), answer: Annotation() });
export const topical = new StateGraph(Topic)
  .addNode("write", async ({ topic }) => {
    const model = new FakeListChatModel({ responses: [`There is much to say of ${topic}.`], sleep: 5 });
    return { answer: (await model.invoke(`Tell me of ${topic}.`)).text };
  })
  .addEdge(START, "write")
  .addEdge("write", END)
  .compile();
/** Real pieces that are smoothed before they are sent. */
export const smoothed = oneNode(async ({ messages }) => {
  const model = new Custom(async function* say(asked) {
    for await (const chunk of await openai().stream(asked, { callbacks: [] })) {
      await pause(4);
      yield chunk.text;
    }
  });
  return { messages: [await model.invoke(messages)] };
});

// The model is called where nothing reaches it.
export const callbacksReplaced = oneNode(async ({ messages }) => ({
  messages: [await openai().invoke(messages, { callbacks: [] })],
}));
export const boundCallbacks = oneNode(async ({ messages }) => ({
  messages: [await openai().withConfig({ callbacks: [] }).invoke(messages)],
}));
export const ownEvents = oneNode(async ({ messages }) => {
  let text = "";
  for await (const { event, data } of openai().streamEvents(messages, { version: "v2", callbacks: [] })) {
    if (event === "on_chat_model_stream") text += data.chunk.text;
  }
  return { messages: [new AIMessage(text)] };
});
export const versionless = oneNode(async ({ messages }) => {
  return { messages: [new AIMessage(await openai().streamEvents(messages).text)] };
});
/** The first message streams, and the second does not. */
export const secondUnseen = new StateGraph(MessagesAnnotation)
  .addNode("first", async ({ messages }) => ({ messages: [await openai().invoke(messages)] }))
  .addNode("second", async ({ messages }) => {
    const { text } = await openai().invoke(messages, { callbacks: [] });
    return { messages: [new AIMessage(text)] };
  })
  .addEdge(START, "first")
  .addEdge("first", "second")
  .addEdge("second", END)
  .compile();
export const inWorker = oneNode(async ({ messages }) => {
  const worker = new Worker(new URL("./worker.mjs", import.meta.url), { workerData: messages.at(-1).text });
  const text = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  return { messages: [new AIMessage(text)] };
});
export const inBlockingChild = oneNode(({ messages }) => {
  const script = new URL("./worker.mjs", import.meta.url).pathname;
  return { messages: [new AIMessage(String(execFileSync(process.execPath, [script, messages.at(-1).text])))] };
});
/** A loop that was started outside any run serves each caller. */
const queue = [];
let wake = () => {};
async function serveQueue() {
  for (;;) {
    const job = queue.shift();
    if (job) job.done(await askWhole(job.messages));
    else {
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
  }
}
void serveQueue();
export const contextLost = oneNode(async ({ messages }) => {
  const text = await new Promise((done) => {
    queue.push({ messages, done });
    wake();
  });
  return { messages: [new AIMessage(text)] };
});

// The model does not stream.
export const streamingFalse = oneNode(async ({ messages }) => ({
  messages: [await openai({ streaming: false }).invoke(messages)],
}));
export const streamingDisabled = oneNode(async ({ messages }) => ({
  messages: [await openai({ disableStreaming: true }).invoke(messages)],
}));
export const unreported = oneNode(async ({ messages }) => {
  const model = new Custom(
    async function* say(asked) {
      for await (const chunk of await openai().stream(asked, { callbacks: [] })) yield chunk.text;
    },
    { reports: false },
  );
  return { messages: [await model.invoke(messages)] };
});

export const finishedText = oneNode(() => ({
  messages: [new AIMessage("The office is closed on Sundays, and opens again on Monday morning at nine.")],
}));

// The model answers in another form, or not at all.
export const toolAnswer = oneNode(async ({ messages }) => {
  const { tool_calls: calls } = await new Tooled().invoke(messages);
  return { messages: [new AIMessage(calls[0].args.answer)] };
});
export const jsonAnswer = oneNode(async ({ messages }) => {
  const { text } = await openai().invoke(messages);
  return { messages: [new AIMessage(`The answer is this: ${JSON.parse(text).answer}`)] };
});
class Full extends BaseCache {
  async lookup() {
    const text = "This was asked before, and what was said then is said again, word by word.";
    return [{ text, message: new AIMessage(text) }];
  }
  async update() {}
}
export const cached = oneNode(async ({ messages }) => ({
  messages: [await openai({ cache: new Full() }).invoke(messages)],
}));
export const generator = oneNode(async function* say({ messages }) {
  yield { messages: [new AIMessage(await askWhole(messages))] };
});
export const swallows = oneNode(async ({ messages }) => {
  try {
    return { messages: [await openai().invoke(messages)] };
  } catch {
    return { messages: [new AIMessage("Something went wrong on our side. Please come back in a little while.")] };
  }
});

// A nested graph from which only the state leaves.
const inner = oneNode(async ({ messages }) => ({ messages: [await openai().invoke(messages)] }), "writer");
export const innerState = oneNode(async (state) => {
  let last = state;
  for await (const values of await inner.stream(state, { streamMode: "values", callbacks: [] })) last = values;
  return { messages: last.messages.slice(-1) };
}, "wrapper");

// Fake streaming.
export const playedModel = oneNode(async ({ messages }) => {
  const model = new Custom(async function* say(asked) {
    for (const word of words(await askWhole(asked))) {
      yield word;
      await pause(10);
    }
  });
  return { messages: [await model.invoke(messages)] };
});
export const burstModel = oneNode(async ({ messages }) => {
  const model = new Custom(async function* say(asked) {
    yield* words(await askWhole(asked));
  });
  return { messages: [await model.invoke(messages)] };
});
export const playedEvents = oneNode(async ({ messages }, config) => {
  const text = await askWhole(messages);
  for (const word of words(text)) {
    config.writer({ type: "token", content: word });
    await pause(10);
  }
  return { messages: [new AIMessage(text)] };
});
export const realEvents = oneNode(async ({ messages }, config) => {
  let text = "";
  for await (const chunk of await openai().stream(messages, { callbacks: [] })) {
    config.writer({ token: chunk.text });
    text += chunk.text;
  }
  return { messages: [new AIMessage(text)] };
});

export const tagged = oneNode(async ({ messages }) => ({
  messages: [await openai({ tags: ["nostream"] }).invoke(messages)],
}));
export const keyless = () => {
  throw new Error("Missing credentials. Please pass an `apiKey`, or set the OPENAI_API_KEY environment variable.");
};
export const silent = oneNode(() => ({}));
export const thrower = oneNode(() => {
  throw new Error("The database is not there.");
});
export const other = { answer: 42 };

// Graphs that ask a person. One has no checkpointer.
const ask = () => ({ messages: [new AIMessage(String(interrupt("Which river?")))] });
export const asking = oneNode(ask);
export const forgetful = new StateGraph(MessagesAnnotation)
  .addNode("chat", ask)
  .addEdge(START, "chat")
  .addEdge("chat", END)
  .compile({ checkpointer: false });
