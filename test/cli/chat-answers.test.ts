/** A person answers a graph's question: the typed line, its meaning, and the value that the graph receives. */

import { AIMessage } from "@langchain/core/messages";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerTo } from "../../src/cli/chat/answers.ts";
import type { Part } from "../../src/cli/chat/parts.ts";
import { EXIT, type Screen, ThreadChat } from "../../src/cli/chat/thread-chat.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";

/** A screen on which a person types these lines and then leaves. */
class ScriptedScreen implements Screen {
  readonly interactive: boolean;
  readonly prompts: string[] = [];
  readonly parts: Part[] = [];
  readonly #lines: string[];

  constructor(lines: string[], interactive = true) {
    this.#lines = [...lines];
    this.interactive = interactive;
  }

  async read(prompt: string): Promise<string | undefined> {
    this.prompts.push(prompt);
    return this.#lines.shift();
  }

  say(text: string): void {
    this.show({ kind: "notice", text });
  }

  show(part: Part): void {
    this.parts.push(part);
  }

  blank(): void {}

  during<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    return work(new AbortController().signal);
  }

  /** Returns the joined texts of all parts of a kind. */
  text(kind: "answer" | "question" | "notice"): string {
    return this.parts.map((part) => (part.kind === kind && "text" in part ? part.text : "")).join("");
  }
}

const object = (properties: object, ...required: string[]) => ({ type: "object", properties, required });
const decision = { type: "string", enum: ["approve", "edit", "reject"] };

describe("an answer", () => {
  test.each<[schema: object | undefined, typed: string[], payload: unknown]>([
    [undefined, ["in Tokyo, please "], "in Tokyo, please"],
    [undefined, ["", "yes"], "yes"],
    [undefined, ["/approve"], { approved: true }],
    [undefined, ["/reject too many"], { approved: false, text: "too many" }],
    [undefined, ["/approved"], "/approved"],
    [undefined, ["false"], false],
    [undefined, ['{"a": [1]}'], { a: [1] }],
    [undefined, ["{not json"], "{not json"],
    [undefined, ["12"], "12"],
    [undefined, [], undefined],
    [{ type: "string" }, ["12"], "12"],
    [{ type: "boolean" }, ["perhaps", "Y"], true],
    [{ type: "boolean" }, ["no"], false],
    [{ type: "integer" }, ["1.5", "many", "", "15"], 15],
    [{ type: "number" }, ["1.5"], 1.5],
    [{ enum: ["approve", "reject", "re-read"] }, ["re", "x", "", "App"], "approve"],
    [{ enum: [1, 2, 12] }, ["1"], 1],
    [{ type: "array" }, ["a, b", '["a", "b"]'], ["a", "b"]],
    [{ type: "object" }, ["{}"], {}],
    [object({ decision }, "decision"), ["a"], { decision: "approve" }],
    [object({ decision }, "decision"), ["/reject"], { decision: "reject" }],
    [
      object({ city: { type: "string" }, days: { type: "integer" } }, "days", "city"),
      ["3", "Rome"],
      { days: 3, city: "Rome" },
    ],
    [
      object({ note: { type: "string" }, decision, loud: { type: "boolean" } }, "decision"),
      ["edit", "colour: red", "loud: maybe", "loud=yes", "note:  a: b ", ""],
      { decision: "edit", loud: true, note: "a: b" },
    ],
    [object({ note: { type: "string" } }), [""], {}],
    [object({ decision, note: { type: "string" } }, "decision"), ["a"], undefined],
  ])("to %j, typed as %j", async (responseSchema, typed, payload) => {
    const question = { id: "i", reason: "input_required", ...(responseSchema ? { responseSchema } : {}) };
    expect(await answerTo(question, new ScriptedScreen(typed))).toEqual(payload);
  });

  test("is asked for with what fits, and again when it does not", async () => {
    const responseSchema = object({ decision, "da\u001b[2Jys": { type: "integer" } }, "decision");
    const person = new ScriptedScreen(["maybe", "reject", "da\u001b[2Jys: many", "x", ""]);
    await answerTo({ id: "i", reason: "approval", responseSchema }, person);
    const optional = "da[2Jys (name: value; Enter sends): ";
    expect(person.prompts).toEqual([
      "decision (approve, edit, reject): ",
      "decision (approve, edit, reject): ",
      optional,
      optional,
      optional,
    ]);
    expect(person.parts.map((part) => "text" in part && part.text)).toEqual([
      "That is not valid. Expected: approve, edit, reject.",
      "That is not valid. Expected: a whole number.",
      "Write one of da[2Jys, a colon, and its value.",
    ]);
  });
});

describe("a graph that asks", () => {
  let sluice: TestSluice;
  const question = (message: string) => interrupt({ message, responseSchema: { type: "boolean" } });
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("order", ({ messages }) => {
      const answers = [question("Go\u001b[8m on?"), question("Really?")];
      const asked = messages.map((message) => message.text).join(" and ");
      return { messages: [new AIMessage(`${asked}: ${JSON.stringify(answers)}`)] };
    })
    .addEdge(START, "order")
    .addEdge("order", END)
    .compile({ checkpointer: memory() });

  beforeAll(async () => {
    sluice = await startSluice({ order: { graph } });
  });
  afterAll(() => sluice.close());

  const talk = (threadId: string, screen: Screen) =>
    new ThreadChat(
      { url: `${sluice.ws}/ws`, agent: undefined, threadId, examined: "", agents: async () => ["order"] },
      screen,
    );

  test("is given the answers, one run after the other", async () => {
    const screen = new ScriptedScreen(["yes", "no"]);
    expect(await talk("answered", screen).ask("Sell")).toBe(EXIT.answered);
    expect(screen.text("question")).toBe("Go[8m on?Really?");
    expect(screen.text("answer")).toBe("Sell: [true,false]");
  });

  test("waits when the person leaves, and asks again when they come back, whose new question goes with the answer", async () => {
    const leaving = new ScriptedScreen(["yes"]);
    expect(await talk("later", leaving).ask("Sell")).toBe(EXIT.asked);
    const back = new ScriptedScreen(["no"]);
    expect(await talk("later", back).ask("Buy")).toBe(EXIT.answered);
    expect(back.text("question")).toBe("Really?");
    expect(back.text("answer")).toBe("Sell and Buy: [true,false]");
  });

  test("waits when there is nobody", async () => {
    const nobody = new ScriptedScreen(["yes", "yes"], false);
    expect(await talk("nobody", nobody).ask("Sell")).toBe(EXIT.asked);
    expect(nobody.prompts).toEqual([]);
    expect(nobody.text("question")).toBe("Go[8m on?");
    expect(nobody.text("notice")).toBe("The graph waits for an answer. To type one, run this command in a terminal.");
  });

  test("in a conversation", async () => {
    const screen = new ScriptedScreen(["Sell", "yes", "no", " ", "Buy", "no", "no"]);
    expect(await talk("conversation", screen).hold()).toBe(0);
    expect(screen.prompts.filter((prompt) => prompt === "> ")).toHaveLength(4);
    expect(screen.text("answer")).toMatch(/^Sell: \[true,false\]Sell and .* and Buy: \[false,false\]$/);
  });
});
