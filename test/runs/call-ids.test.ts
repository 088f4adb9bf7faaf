/** A model that repeats one call id in each turn. Clients see different calls, and the graph keeps its own ids. */
import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import { type AguiEvent, EventType, type Message } from "../../src/protocol/events.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { verifyRun } from "../support/verify.ts";
import { type TestRuns, testRuns } from "./scripted.ts";

const PAY = { name: "pay", description: "pays", parameters: { type: "object", properties: {} } };

/** Calls the client's tool when a person speaks, and repeats what the tool gave. `seen`: the calls its state holds. */
function payer(checkpointer: MemorySaver | undefined, seen: string[][]) {
  const answer = ({ messages }: { messages: BaseMessage[] }) => {
    seen.push(messages.flatMap((one) => (ToolMessage.isInstance(one) ? [one.tool_call_id] : [])));
    const last = messages.at(-1);
    if (last && ToolMessage.isInstance(last)) return { messages: [new AIMessage(`paid ${last.text}`)] };
    const args = { turn: messages.length };
    return { messages: [new AIMessage({ content: "", tool_calls: [{ id: "c", name: "pay", args }] })] };
  };
  return new StateGraph(MessagesAnnotation)
    .addNode("answer", answer)
    .addEdge(START, "answer")
    .compile({ checkpointer });
}

describe("a frontend's tool whose calls all have one id", () => {
  const open: TestRuns[] = [];
  afterEach(async () => {
    for (const subject of open.splice(0)) await subject.close(0);
  });

  /** Uses one process after the other, with the same stored data. */
  function thread(keeps: boolean) {
    const store = new MemoryStore(100, () => {});
    const checkpointer = keeps ? new MemorySaver() : undefined;
    const seen: string[][] = [];
    let runs = 0;
    return {
      seen,
      store,
      /** A run in a process of its own. */
      async run(messages: Message[]): Promise<AguiEvent[]> {
        const subject = testRuns(payer(checkpointer, seen), { store });
        open.push(subject);
        runs += 1;
        const events = await subject.eventsOf(await subject.start({ runId: `r${runs}`, messages, tools: [PAY] }));
        await subject.idle();
        await verifyRun(events);
        return events;
      },
    };
  }

  const user = (id: string, content = id): Message => ({ id, role: "user", content });
  const result = (toolCallId: string): Message => ({
    id: `result-${toolCallId}`,
    role: "tool",
    toolCallId,
    content: toolCallId,
  });
  const pending = (events: readonly AguiEvent[]) => {
    const terminal = events.at(-1);
    return terminal?.type === EventType.RUN_FINISHED && terminal.outcome?.type === "success"
      ? terminal.outcome.pendingToolCallIds
      : undefined;
  };
  const texts = (events: readonly AguiEvent[]) =>
    events.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? [event.delta] : []));

  it.each([true, false])("is carried out once a turn, in one process after the other (memory: %s)", async (keeps) => {
    const { run, seen, store } = thread(keeps);
    expect(pending(await run([user("u1")]))).toEqual(["c"]);
    expect(texts(await run([result("c")]))).toEqual(["paid c"]);
    expect(pending(await run([user("u2")]))).toEqual(["c-2"]);
    expect(texts(await run([result("c-2")]))).toEqual(["paid c-2"]);
    expect(pending(await run([user("u3")]))).toEqual(["c-3"]);
    // A graph that keeps its messages knows what its model said; one that does not knows what clients know.
    expect(seen.at(-1)).toEqual(keeps ? ["c", "c"] : ["c", "c-2"]);
    expect((await store.thread("t"))?.callIds).toEqual({ "c-2": keeps ? "c" : "c-2", "c-3": "c" });
  });

  it("answers the call of another agent, whose thread this one took over, under the id that it was shown", async () => {
    const seen: string[][] = [];
    const [one, other] = [payer(new MemorySaver(), []), payer(new MemorySaver(), seen)];
    const subject = testRuns({ one, other });
    open.push(subject);
    const run = async (runId: string, agent: string, ...messages: Message[]) => {
      const events = await subject.eventsOf(await subject.start({ runId, messages, tools: [PAY] }, agent));
      await subject.idle();
      return events;
    };
    await run("r1", "one", user("u1"));
    await run("r2", "one", result("c"));
    expect(pending(await run("r3", "one", user("u2")))).toEqual(["c-2"]);
    expect(pending(await run("r4", "other", user("u3")))).toEqual(["c-3"]);
    expect(texts(await run("r5", "other", result("c-2"), result("c-3")))).toEqual(["paid c-3"]);
    expect(seen.at(-1)?.slice(-2)).toEqual(["c-2", "c"]);
    // Back to the first agent, which gets the whole conversation as clients know it.
    expect(pending(await run("r6", "one", user("u4")))).toEqual(["c-4"]);
  });

  it("has a new id after a fork too, and its result reaches the graph", async () => {
    const { run, seen } = thread(true);
    await run([user("u1")]);
    await run([result("c")]);
    expect(pending(await run([user("u2")]))).toEqual(["c-2"]);
    // The call of the abandoned branch may have been executed, so its id is not used again.
    expect(pending(await run([user("u1", "edited")]))).toEqual(["c-3"]);
    expect(texts(await run([result("c-3")]))).toEqual(["paid c-3"]);
    expect(seen.at(-1)).toEqual(["c"]);
  });
});
