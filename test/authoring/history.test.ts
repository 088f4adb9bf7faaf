import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";

import { describe, expect, it } from "vitest";
import { completeHistory } from "../../src/authoring/history.ts";

const human = (text: string) => new HumanMessage(text);
const result = (tool_call_id: string, content = "done") => new ToolMessage({ tool_call_id, content });
const calling = (...ids: string[]) =>
  new AIMessage({ content: "", tool_calls: ids.map((id) => ({ id, name: "paint", args: {} })) });

function shape(messages: BaseMessage[]): string[] {
  return messages.map((message) =>
    ToolMessage.isInstance(message) ? `${message.tool_call_id}: ${message.text}` : message.type,
  );
}

const NONE = "No result came: the conversation went on without it.";

describe("completeHistory", () => {
  it("leaves a complete history as it is", () => {
    const messages = [human("a"), calling("1", "2"), result("1"), result("2"), new AIMessage("b"), human("c")];
    expect(completeHistory(messages)).toEqual(messages);
  });

  it("says that no result came where the person went on, also for one of several calls", () => {
    const messages = [human("a"), calling("1", "2", "3"), result("2"), human("b")];
    expect(shape(completeHistory(messages))).toEqual(["human", "ai", `1: ${NONE}`, "2: done", `3: ${NONE}`, "human"]);
    expect(messages).toHaveLength(4);
  });

  it("moves a late result to its call, and leaves out one that nobody called for", () => {
    const messages = [calling("1"), human("b"), new AIMessage("c"), result("1", "late"), result("9")];
    expect(shape(completeHistory(messages))).toEqual(["ai", "1: late", "human", "ai"]);
  });

  it("gives each call its own result when a model uses an id again", () => {
    const messages = [
      calling("0"),
      human("on"),
      calling("0"),
      result("0", "second"),
      calling("0"),
      result("0", "third"),
    ];
    expect(shape(completeHistory(messages))).toEqual([
      "ai",
      `0: ${NONE}`,
      "human",
      "ai",
      "0: second",
      "ai",
      "0: third",
    ]);
  });
});
