import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Command, type Interrupt, MemorySaver } from "@langchain/langgraph";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { approvals } from "../../src/agents/approvals.ts";
import { readDecision } from "../../src/agents/decision.ts";
import { DemoChatModel } from "../../src/agents/models/demo.ts";
import { ScriptedModel } from "./scripted-model.ts";
import { INSTANT } from "./turn.ts";

let root = "";
let notesDir = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sluice-notes-"));
  notesDir = join(root, "data", "notes");
});
afterEach(() => rm(root, { recursive: true }));

const files = async () => (await readdir(notesDir).catch(() => [])).sort();
const note = (file: string) => readFile(join(notesDir, file), "utf8");

const THREAD = { configurable: { thread_id: "t" } };

interface Outcome {
  messages: BaseMessage[];
  asked: Interrupt[];
  answer: string;
}

/** A thread with the agent. Each run returns the state and the questions. */
function thread(model: BaseChatModel = new DemoChatModel(INSTANT)) {
  const graph = approvals({ model, checkpointer: new MemorySaver(), notesDir });
  const run = async (input: Parameters<typeof graph.invoke>[0]): Promise<Outcome> => {
    const state = await graph.invoke(input, THREAD);
    const { __interrupt__: asked = [] } = state as { __interrupt__?: Interrupt[] };
    return { messages: state.messages, asked, answer: state.messages.at(-1)?.text ?? "" };
  };
  return {
    graph,
    say: (text: string) => run({ messages: [new HumanMessage(text)] }),
    /** Answers all questions at once, by id, as Sluice does. */
    resume: (asked: Interrupt[], ...answers: unknown[]) =>
      run(new Command({ resume: Object.fromEntries(asked.map(({ id }, n) => [String(id), answers[n]])) })),
  };
}

describe("approvals", () => {
  it("asks before it writes, with all that a client needs to show", async () => {
    const { say } = thread();
    const { asked, messages } = await say("write a note: buy milk");
    const args = { title: "Buy milk", text: "buy milk" };
    expect(asked).toMatchObject([
      {
        id: expect.any(String),
        value: {
          reason: "approval",
          message: "May I write this note?\n\nBuy milk\n\nbuy milk",
          action: { name: "write_note", args },
          tool_call_id: (messages.at(-1) as { tool_calls?: { id?: string }[] } | undefined)?.tool_calls?.[0]?.id,
          responseSchema: {
            type: "object",
            properties: { decision: { enum: ["approve", "edit", "reject"] }, title: { default: "Buy milk" } },
            required: ["decision"],
          },
        },
      },
    ]);
    expect(await files()).toEqual([]);
  });

  it.each<[string, unknown]>([
    ["the form", { decision: "approve" }],
    ["/approve", { approved: true, text: "go ahead" }],
    ["true", true],
    ["a word", "approve"],
  ])("writes after a yes: %s", async (_, answer) => {
    const { say, resume } = thread();
    const { asked } = await say("write a note: buy milk");
    const { answer: said, messages } = await resume(asked, answer);
    expect(await files()).toEqual(["buy-milk.md"]);
    expect(await note("buy-milk.md")).toBe("# Buy milk\n\nbuy milk\n");
    expect(said).toBe("Wrote “Buy milk” to buy-milk.md: buy milk\n\n(demo model)");
    expect(messages.map(({ type }) => type)).toEqual(["human", "ai", "tool", "ai"]);
  });

  it("writes what the person made of it", async () => {
    const { say, resume } = thread();
    const { asked } = await say("write a note: buy milk");
    const { answer } = await resume(asked, { decision: "edit", title: "Oat milk", reason: "no cows" });
    expect(await note("oat-milk.md")).toBe("# Oat milk\n\nbuy milk\n");
    expect(answer).toContain("Wrote “Oat milk” to oat-milk.md: buy milk");
  });

  it.each<[string, unknown, string]>([
    ["the form", { decision: "reject", reason: "too much" }, "The person rejected it, and said: too much"],
    ["the form without a reason", { decision: "reject" }, "The person rejected it."],
    ["/reject", { approved: false, text: "too much" }, "The person rejected it, and said: too much"],
    ["/reject alone", { approved: false }, "The person rejected it."],
    ["false", false, "The person rejected it."],
    ["a word", "reject", "The person rejected it."],
    ["cancel", { __agui_cancelled__: true }, "The person rejected it."],
    ["a cancelled yes", { __agui_cancelled__: true, decision: "approve" }, "The person rejected it."],
    ["nothing", null, "was not understood"],
    ["chatter", "yes, but shorter", "was not understood"],
    ["a number", 1, "was not understood"],
    ["an unknown decision", { decision: "maybe" }, "was not understood"],
    ["a contradiction", { decision: "approve", approved: false }, "was not understood"],
    ["approved, but not really", { approved: "true" }, "was not understood"],
    ["an edit that is none", { decision: "edit", text: 5 }, "was not understood"],
    ["an edit to nothing", { decision: "edit", title: " " }, "was not understood"],
  ])("writes nothing after %s", async (_, answer, said) => {
    const { say, resume } = thread();
    const { asked } = await say("write a note: buy milk");
    const { messages, answer: final } = await resume(asked, answer);
    expect(await files()).toEqual([]);
    expect(final).toContain(said);
    expect(messages.find((message) => ToolMessage.isInstance(message))?.text).toContain("was not written");
  });

  it("asks for several at once, each with its own id, and takes the answers in one go", async () => {
    const { say, resume } = thread();
    const { asked } = await say("write three notes: buy milk; call Bob; sleep");
    expect(new Set(asked.map(({ id }) => id)).size).toBe(3);
    expect(await files()).toEqual([]);

    const { messages, answer } = await resume(
      asked,
      true,
      { decision: "reject" },
      { decision: "edit", text: "sleep!" },
    );
    expect(await files()).toEqual(["buy-milk.md", "sleep.md"]);
    expect(await note("sleep.md")).toContain("sleep!");
    expect(messages.map(({ type }) => type)).toEqual(["human", "ai", "tool", "tool", "tool", "ai"]);
    expect(answer).toMatch(/buy-milk\.md.*not written.*sleep\.md/s);
  });

  it("keeps an answer that comes before the others, and writes when all are there", async () => {
    const { say, resume } = thread();
    const { asked } = await say("write two notes: buy milk; call Bob");
    const [milk, bob] = asked;
    if (!milk || !bob) throw new Error("two were expected");
    expect((await resume([milk], true)).asked.map(({ id }) => id)).toEqual([bob.id]);
    expect(await files()).toEqual([]);
    await resume([bob], true);
    expect(await files()).toEqual(["buy-milk.md", "call-bob.md"]);
  });

  it("writes once, however often it is resumed", async () => {
    const { say, resume } = thread();
    const { asked } = await say("write a note: buy milk");
    await resume(asked, true);
    await resume(asked, true);
    expect(await files()).toEqual(["buy-milk.md"]);
  });

  it("shows clients a result for the call, also when nothing was written", async () => {
    for (const answer of [true, false]) {
      const { graph, say } = thread();
      const { asked } = await say("write a note: buy milk");
      const resume: Parameters<typeof graph.invoke>[0] = new Command({ resume: { [String(asked[0]?.id)]: answer } });
      const ended = [];
      for await (const { event, name, data } of graph.streamEvents(resume, { ...THREAD, version: "v2" })) {
        if (event === "on_tool_end") ended.push({ name, id: data.output.tool_call_id });
      }
      expect(ended).toEqual([{ name: "write_note", id: asked[0]?.value.tool_call_id }]);
    }
  });

  it("refuses a call that makes no sense without asking the person", async () => {
    const model = new ScriptedModel(
      [
        { name: "write_note", id: "c1", args: { title: "" } },
        { name: "delete_note", id: "c2", args: {} },
      ],
      "Sorry.",
    );
    const { asked, messages } = await thread(model).say("hello");
    expect(asked).toEqual([]);
    expect(messages.slice(2, 4).map(({ text }) => text)).toEqual(
      Array(2).fill("Nothing was done: this is no valid call of write_note."),
    );
  });

  it("goes on with a new message when the person leaves a question unanswered", async () => {
    const model = new ScriptedModel([{ name: "write_note", id: "c1", args: { title: "A", text: "a" } }], "Fine.");
    const { say } = thread(model);
    await say("note that a");
    const { answer } = await say("never mind");
    expect(answer).toBe("Fine.");
    expect(model.asked[1]?.messages.map(({ type }) => type)).toEqual(["system", "human", "ai", "tool", "human"]);
    expect(await files()).toEqual([]);
  });
});

describe("notes as files", () => {
  /** Proposes a note with this title, and approves it. */
  async function approve(title: string): Promise<Outcome> {
    const model = new ScriptedModel([{ name: "write_note", id: "c1", args: { title, text: "text" } }], "Done.");
    const { say, resume } = thread(model);
    return resume((await say("go")).asked, true);
  }

  it.each([
    ["Buy milk & eggs!", "buy-milk-eggs.md"],
    ["../../etc/passwd", "etc-passwd.md"],
    ["/root/.ssh/authorized_keys", "root-ssh-authorized-keys.md"],
    ["C:\\Windows\\x\u0000y", "c-windows-x-y.md"],
    ["..", "note.md"],
    ["🙂", "note.md"],
    ["CON", "note-con.md"],
    ["Привет, мир", "привет-мир.md"],
    [`${"word ".repeat(39)}`, `${"word-".repeat(10).slice(0, -1)}.md`],
  ])("%j", async (title, file) => {
    await approve(title);
    expect(await files()).toEqual([file]);
    expect(await readdir(root)).toEqual(["data"]);
  });

  it("keep to one line in the heading", async () => {
    await approve("a\n\n# b");
    expect(await note("a-b.md")).toBe("# a # b\n\ntext\n");
  });

  it("never overwrite one", async () => {
    await approve("Milk");
    await writeFile(join(notesDir, "milk.md"), "mine");
    await approve("milk!");
    await approve("MILK");
    expect(await files()).toEqual(["milk-2.md", "milk-3.md", "milk.md"]);
    expect(await note("milk.md")).toBe("mine");
  });

  it("do not collide when two are written at once", async () => {
    const { say, resume } = thread();
    await resume((await say("write two notes: milk; milk!")).asked, true, true);
    expect(await files()).toEqual(["milk-2.md", "milk.md"]);
  });

  it("name no path when they cannot be written", async () => {
    await writeFile(join(root, "data"), "a file where the folder should be");
    const { messages } = await approve("Milk");
    const result = messages.find((message) => ToolMessage.isInstance(message));
    expect(result?.text).toMatch(/could not be written \((?:ENOTDIR|EEXIST)\)/);
    expect(result?.text).not.toContain(root);
  });
});

test("an approval is of what was proposed, whatever else is sent", () => {
  const proposed = { title: "A", text: "a" };
  expect(readDecision({ decision: "approve", title: "B" }, proposed)).toEqual({ approved: true, note: proposed });
  expect(readDecision({ decision: "edit" }, proposed)).toEqual({ approved: true, note: proposed });
});
