/** A graph's custom events, and the names with a special meaning. */

import { dispatchCustomEvent } from "@langchain/core/callbacks/dispatch";
import { AIMessage } from "@langchain/core/messages";
import {
  Annotation,
  END,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import type { AgentEntry } from "../../../src/config/agents.ts";
import { EventType } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { verifyRun } from "../../support/verify.ts";
import { ofType, said, stored, textsOf, turn } from "./turns.ts";

let sluice: TestSluice | undefined;

afterEach(async () => {
  await sluice?.close();
});

const Notes = Annotation.Root({ ...MessagesAnnotation.spec, progress: Annotation<number>, secret: Annotation<string> });

type Node = (config: LangGraphRunnableConfig) => Promise<Partial<typeof Notes.Update>>;

/** The events of a run of one node. */
async function run(node: Node, entry: Partial<AgentEntry> = {}, input = userInput("hi")) {
  const graph = new StateGraph(Notes)
    .addNode("node", (_, config: LangGraphRunnableConfig) => node(config))
    .addEdge(START, "node")
    .addEdge("node", END)
    .compile({ checkpointer: memory() });
  sluice = await startSluice({ main: { graph, entry } });
  const events = await turn(sluice.url, "main", input);
  return { events, messages: await stored(sluice.url, input.threadId) };
}

describe("a custom event", () => {
  it("leaves under its own name, dispatched or written", async () => {
    const { events } = await run(async (config) => {
      await dispatchCustomEvent("progress", { done: 1, of: 2 }, config);
      config.writer?.({ name: "progress", value: { done: 2, of: 2 } });
      config.writer?.("just text");
      return {};
    });
    expect(ofType(events, EventType.CUSTOM).map(({ name, value }) => [name, value])).toEqual([
      ["progress", { done: 1, of: 2 }],
      ["progress", { done: 2, of: 2 }],
      ["custom", "just text"],
    ]);
  });

  it("always has a value, as clients insist", async () => {
    const { events } = await run(async (config) => {
      await dispatchCustomEvent("tick", undefined, config);
      return {};
    });
    expect(ofType(events, EventType.CUSTOM)).toMatchObject([{ name: "tick", value: null }]);
  });
});

describe("an activity", () => {
  const plan = (content: object) => ({ message_id: "plan-1", activity_type: "PLAN", content });
  const change = { message_id: "plan-1", patch: [{ op: "add", path: "/steps/0", value: "dig" }] };

  it.each([true, false])(
    "is shown and changed, stays, and comes again for a late reader (written: %s)",
    async (writes) => {
      const input = userInput("hi");
      const { events, messages } = await run(
        async (config) => {
          for (const value of [plan({ steps: [] }), change]) {
            if (writes) config.writer?.({ name: "manually_emit_activity", value });
            else await dispatchCustomEvent("manually_emit_activity", value, config);
          }
          return { messages: [new AIMessage("Done.")] };
        },
        {},
        input,
      );
      expect(ofType(events, EventType.ACTIVITY_SNAPSHOT)).toMatchObject([
        { messageId: "plan-1", activityType: "PLAN" },
      ]);
      expect(ofType(events, EventType.ACTIVITY_DELTA)).toMatchObject([{ messageId: "plan-1", patch: change.patch }]);
      await verifyRun(events);
      const activity = { id: "plan-1", role: "activity", activityType: "PLAN", content: { steps: ["dig"] } };
      expect(messages).toContainEqual(activity);
      const { events: late, done } = await postRun(sluice?.url ?? "", input, "/agui/agent/main/connect");
      await done;
      const [snapshot] = ofType(late, EventType.MESSAGES_SNAPSHOT);
      expect(snapshot?.messages).toEqual(messages);
      await verifyRun(late);
    },
  );

  it("does not leave where custom events do not", async () => {
    const { events, messages } = await run(
      async (config) => {
        config.writer?.({ name: "manually_emit_activity", value: plan({ secret: "canary" }) });
        return { messages: [new AIMessage("Done.")] };
      },
      { filter: { events: ["on_chat_model_stream", "on_chain_*"] } },
    );
    expect(JSON.stringify([events, messages])).not.toContain("canary");
  });
});

describe.each(["", "copilotkit_"])("the conventional name %smanually_emit_...", (prefix) => {
  it("message says a whole message, with the id it names", async () => {
    const { events, messages } = await run(async (config) => {
      const said = { message: "Still at it.", message_id: "note-1", role: "assistant" };
      await dispatchCustomEvent(`${prefix}manually_emit_message`, said, config);
      return {};
    });
    expect(textsOf(events)).toEqual({ "note-1": "Still at it." });
    expect(ofType(events, EventType.CUSTOM)).toEqual([]);
    expect(messages).toMatchObject([{ role: "user" }, { id: "note-1", role: "assistant", content: "Still at it." }]);
  });

  it("message without an id says a message of its own each time", async () => {
    const { events, messages } = await run(async (config) => {
      for (const message of ["One.", "Two.", "Three."]) {
        await dispatchCustomEvent(`${prefix}manually_emit_message`, { message }, config);
      }
      return {};
    });
    expect(said(events)).toEqual(["One.", "Two.", "Three."]);
    expect(messages.map(({ content }) => content)).toEqual(["hi", "One.", "Two.", "Three."]);
  });

  it("message is not said again when the node returns it for the graph's state", async () => {
    const { events } = await run(async (config) => {
      await dispatchCustomEvent(`${prefix}manually_emit_message`, { message: "Still at it." }, config);
      return { messages: [new AIMessage("Still at it."), new AIMessage("Done.")] };
    });
    expect(said(events)).toEqual(["Still at it.", "Done."]);
  });

  it("tool_call makes a call, and is not made again when the node returns it", async () => {
    const call = { id: "call-1", name: "look", args: { at: "sky" } };
    const { events, messages } = await run(async (config) => {
      await dispatchCustomEvent(`${prefix}manually_emit_tool_call`, call, config);
      return { messages: [new AIMessage({ content: "", tool_calls: [{ ...call, type: "tool_call" }] })] };
    });
    expect(ofType(events, EventType.TOOL_CALL_START)).toMatchObject([{ toolCallId: "call-1", toolCallName: "look" }]);
    expect(ofType(events, EventType.TOOL_CALL_ARGS)).toMatchObject([{ delta: '{"at":"sky"}' }]);
    expect(messages.at(-1)).toMatchObject({ toolCalls: [{ id: "call-1", function: { name: "look" } }] });
  });

  it("state has exposed keys before the node is done, and no others", async () => {
    const { events } = await run(
      async (config) => {
        await dispatchCustomEvent(`${prefix}manually_emit_state`, { progress: 0.5, secret: "no" }, config);
        return { progress: 1, secret: "no" };
      },
      { state: ["progress"] },
    );
    const sent = events.flatMap((event) => (event.type === EventType.STATE_SNAPSHOT ? [event.snapshot] : []));
    expect(sent).toContainEqual({ progress: 0.5 });
    expect(sent.at(-1)).toEqual({ progress: 1 });
    expect(JSON.stringify(events)).not.toContain('"no"');
  });

  it("of something else, or without what it needs, is an event like any other", async () => {
    const { events } = await run(async (config) => {
      await dispatchCustomEvent(`${prefix}manually_emit_tool_call`, { name: "no id" }, config);
      await dispatchCustomEvent(`${prefix}exit`, {}, config);
      return {};
    });
    expect(ofType(events, EventType.CUSTOM).map(({ name, value }) => [name, value])).toEqual([
      [`${prefix}manually_emit_tool_call`, { name: "no id" }],
      [`${prefix}exit`, {}],
    ]);
  });
});
