import { FakeListChatModel } from "@langchain/core/utils/testing";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { nodeModel } from "../../src/agents/node-model.ts";
import { said, turn } from "../e2e/translation/turns.ts";
import { startSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";

const model = new FakeListChatModel({ responses: ["by default"] });
const named = (name: string) => new FakeListChatModel({ responses: [`by ${name}`] });

/** The answers that two nodes get, with `nodes` in agents.json. */
async function answers(
  nodes: Record<string, { model?: string }>,
  models = { model, named } as Parameters<typeof nodeModel>[0],
) {
  const node = async ({ messages }: typeof MessagesAnnotation.State, config: Parameters<typeof nodeModel>[1]) => ({
    messages: [await nodeModel(models, config).invoke(messages, config)],
  });
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("one", node)
    .addNode("two", node)
    .addEdge(START, "one")
    .addEdge("one", "two")
    .addEdge("two", END)
    .compile();
  const sluice = await startSluice({ main: { graph, entry: { nodes } } });
  try {
    return said(await turn(sluice.url, "main", userInput("hi")));
  } finally {
    await sluice.close();
  }
}

describe("nodeModel", () => {
  it("is the one that agents.json names for the node, and the default for all others", async () => {
    expect(await answers({ two: { model: "large" } })).toEqual(["by default", "by large"]);
  });

  it("is the default where models have no names", async () => {
    expect(await answers({ two: { model: "large" } }, { model })).toEqual(["by default", "by default"]);
  });
});
