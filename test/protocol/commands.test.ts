import { describe, expect, it } from "vitest";
import { HELP, parseCommand } from "../../src/protocol/commands.ts";

describe("what a client may say over a WebSocket", () => {
  it.each([
    ["a line", "  what is new?  ", { type: "message", text: "what is new?" }],
    ["a JSON text that is no object", "[1]", { type: "message", text: "[1]" }],
    ["several lines", "a\nb", { type: "message", text: "a\nb" }],
    [
      "/inject",
      "/inject Use  euros",
      { type: "inject", threadId: undefined, message: expect.objectContaining({ content: "Use  euros" }) as object },
    ],
    [
      "inject",
      '{"type":"inject","message":{"id":"m","content":"Use euros"},"threadId":"t"}',
      { type: "inject", threadId: "t", message: { id: "m", role: "user", content: "Use euros" } },
    ],
    ["/cancel", "/cancel", { type: "cancel", threadId: undefined }],
    ["/cancel with a thread", "/cancel t 1", { type: "cancel", threadId: "t 1" }],
    ["/approve", "/approve", { type: "resume", payload: { approved: true }, interruptId: undefined }],
    [
      "/reject",
      "/reject too dear",
      {
        type: "resume",
        payload: { approved: false, text: "too dear" },
        interruptId: undefined,
      },
    ],
    ["/thread", "/thread t2", { type: "thread", threadId: "t2" }],
    ["/agent", "/agent writer", { type: "agent", agent: "writer" }],
    ["/help", "/help", { type: "help" }],
    [
      "a bare RunAgentInput",
      '{"threadId":"t","x":1}',
      {
        type: "run",
        agent: undefined,
        input: { threadId: "t", x: 1 },
      },
    ],
    [
      "run",
      '{"type":"run","agent":"a","input":{"threadId":"t"}}',
      {
        type: "run",
        agent: "a",
        input: { threadId: "t" },
      },
    ],
    ["cancel", '{"type":"cancel","threadId":"t"}', { type: "cancel", threadId: "t" }],
    [
      "resume",
      '{"type":"resume","payload":{"ok":true},"interruptId":"i"}',
      {
        type: "resume",
        payload: { ok: true },
        interruptId: "i",
      },
    ],
    ["ping", '{"type":"ping"}', { type: "ping" }],
    ["a field nobody knows", '{"type":"cancel","later":1}', { type: "cancel", threadId: undefined }],
  ])("%s", (_, text, command) => {
    expect(parseCommand(text)).toEqual(command);
  });

  it.each([
    ["nothing", " \n ", "empty"],
    ["broken JSON", '{"type":', "must be JSON"],
    ["an unknown type", '{"type":"explode"}', "valid are run, inject, cancel, resume and ping"],
    ["a wrong field", '{"type":"cancel","threadId":7}', "threadId"],
    ["an unknown slash command", "/explode", "/help"],
    ["a command without what it needs", "/thread", "/thread needs a thread's id"],
  ])("says what is wrong with %s", (_, text, says) => {
    expect(() => parseCommand(text)).toThrow(
      expect.objectContaining({ code: "bad_request", message: expect.stringContaining(says) }),
    );
  });

  it("never repeats what it was sent", () => {
    for (const text of [
      '{"type":"sk-secret"}',
      '{"sk-secret',
      "/sk-secret",
      '{"type":"run","agent":{"sk-secret":1}}',
    ]) {
      expect(() => parseCommand(text)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining("sk-secret") }),
      );
    }
  });

  it("has help for every slash command", () => {
    for (const command of ["/cancel", "/approve", "/reject", "/thread", "/agent", "/help"]) {
      expect(HELP).toContain(`${command} `);
    }
    // A line cannot name an interrupt.
    for (const word of ["yes to all", "no to all"]) {
      expect(HELP).toContain(word);
    }
  });
});
