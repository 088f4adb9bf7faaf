/** The graphs of the soak: one that behaves well, and those that a server must survive. */
import { AIMessage, HumanMessage, RemoveMessage } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { type Pieces, Scripted } from "./scripted.ts";
import { wordsOf } from "./words.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function graphOf(node: (state: typeof MessagesAnnotation.State) => Promise<Partial<typeof MessagesAnnotation.State>>) {
  return new StateGraph(MessagesAnnotation).addNode("node", node).addEdge(START, "node").compile();
}

function chat(pieces: Pieces) {
  const model = new Scripted(pieces);
  return graphOf(async ({ messages }) => ({ messages: [await model.invoke(messages)] }));
}

export const healthy = chat(async function* (prompt) {
  for (const content of wordsOf(prompt)) {
    await pause(5);
    yield { content };
  }
});

/** Leaves promises rejected without a handler, during the node and after it. */
export const rejecting = graphOf(async () => {
  void Promise.reject(new Error("a search that nobody awaits"));
  setTimeout(() => void Promise.reject(new Error("a timer's promise")), 20);
  return { messages: [new AIMessage("done")] };
});

const HOSTILE = [
  () => Object.create(null) as unknown,
  () => ({ toString: () => hostile("toString") }),
  () => Object.defineProperty(new Error("x"), "stack", { get: () => hostile("stack") }),
  () => {
    let error = new Error("first");
    for (let depth = 0; depth < 20_000; depth += 1) error = new Error("again", { cause: error });
    return error;
  },
];

function hostile(what: string): never {
  throw new Error(`${what} cannot be read`);
}

let thrown = 0;
/** Throws values that cannot be read. */
export const throwing = graphOf(async () => {
  thrown += 1;
  throw HOSTILE[thrown % HOSTILE.length]?.();
});

/** Produces tokens without waiting, so it blocks the process. */
export const busy = chat(async function* () {
  for (let token = 0; token < 20_000; token += 1) yield { content: "x" };
});

/** Streams megabytes of a tool call's arguments in small pieces. */
export const wordy = chat(async function* () {
  for (let piece = 0; piece < 4_000; piece += 1) {
    const [id, name] = piece === 0 ? ["c", "write"] : [undefined, undefined];
    const args = `${piece === 0 ? '{"text":"' : ""}${"x".repeat(1_000)}`;
    yield { content: "", tool_call_chunks: [{ type: "tool_call_chunk", index: 0, id, name, args }] };
  }
});

/** Removes its message after streaming it. */
export const regretful = (() => {
  const model = new Scripted(async function* () {
    for (const content of ["this ", "was ", "wrong"]) yield { content };
  });
  return new StateGraph(MessagesAnnotation)
    .addNode("say", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
    .addNode("guard", async ({ messages }) => {
      const last = messages.at(-1);
      return { messages: last?.id ? [new RemoveMessage({ id: last.id }), new AIMessage("this is right")] : [] };
    })
    .addEdge(START, "say")
    .addEdge("say", "guard")
    .compile();
})();

/** Makes a thread of several megabytes. */
export const large = graphOf(async ({ messages }) => ({
  messages: [new AIMessage("y".repeat(messages.some((message) => HumanMessage.isInstance(message)) ? 200_000 : 1))],
}));
