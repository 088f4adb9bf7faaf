/**
 * A client's intent, derived from the history that it sends: a new message, an edit, or a request for another answer.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message } from "../../src/protocol/events.ts";
import { readHistory } from "../../src/runs/history.ts";

// --- Messages as short words: `u1` is what a person said, `a1` what was answered, `t1` a tool's result, and so on.

const ROLES = { u: "user", a: "assistant", t: "tool", r: "reasoning", s: "system" } as const;

/** `u1` is message u1 with a text of its own, "text:u1"; `u1=x` has the text "x" instead. */
function message(word: string): Message {
  const [id = "", content = `text:${id}`] = word.split("=");
  const role = ROLES[id.charAt(0) as keyof typeof ROLES];
  const calls = [{ id: `call-${id}`, type: "function" as const, function: { name: "look", arguments: "{}" } }];
  if (role === "tool") return { id, role, content, toolCallId: `call-${id}` };
  return { id, role, content, ...(role === "assistant" && content === "" ? { toolCalls: calls } : {}) } as Message;
}

function messages(words: string): Message[] {
  return words.split(" ").filter(Boolean).map(message);
}

function words(found: readonly Message[]): string {
  return found.map(({ id, content }) => (content === `text:${id}` ? id : `${id}=${content}`)).join(" ");
}

const CHAT = "u1 r1 a1 u2 r2 a2";

type Case = [what: string, transcript: string, held: string, fresh: string, partsAt: string | undefined];

/** A reading as its news, and as the first message of the transcript that no longer holds. */
function read(transcript: string, held: string): [fresh: string, partsAt: string | undefined] {
  const sent = messages(transcript);
  const { fresh, partsAt } = readHistory(messages(held), sent);
  return [words(fresh), partsAt === undefined ? undefined : sent[partsAt]?.id];
}

describe("a client that types on", () => {
  it.each<Case>([
    ["on a new thread", "", "u1", "u1", undefined],
    ["with a system message in front", "", "s1 u1", "s1 u1", undefined],
    ["with all it holds", CHAT, "u1 r1 a1 u2 r2 a2 u3", "u3", undefined],
    ["without the reasoning, which many do not send back", CHAT, "u1 a1 u2 a2 u3", "u3", undefined],
    ["with a line that comes alone", CHAT, "u3", "u3", undefined],
    ["with nothing", CHAT, "", "", undefined],
    ["with nothing new", CHAT, CHAT, "", undefined],
    ["with a tool's result", "u1 a1=", "u1 a1= t1", "t1", undefined],
    ["with a system message that is new", CHAT, "s1 u1 a1 u2 a2 u3", "s1 u3", undefined],
    ["with a system message that was there", `s1 ${CHAT}`, "s1 u1 a1 u2 a2 u3", "u3", undefined],
    ["with a system message whose text is another each time", `s1 ${CHAT}`, "s1=now u1 a1 u2 a2 u3", "u3", undefined],
    ["with a system message of another id each time", `s1 ${CHAT}`, "s2 u1 a1 u2 a2 u3", "s2 u3", undefined],
    ["without the system message that came later", "u1 a1 s1 u2 a2", "u1 a1 u2 a2 u3", "u3", undefined],
    ["and says the same again", CHAT, "u1 a1 u2 a2 u3=again u4=again", "u3=again u4=again", undefined],
  ])("%s", (_, transcript, held, fresh, partsAt) => {
    expect(read(transcript, held)).toEqual([fresh, partsAt]);
  });
});

describe("a client that keeps its history short", () => {
  it.each<Case>([
    ["has let go of the beginning", CHAT, "u2 a2 u3", "u3", undefined],
    ["has let go of it in the middle of a turn", CHAT, "a1 u2 a2 u3", "u3", undefined],
    ["has let go of all but the last answer", CHAT, "a2 u3", "u3", undefined],
    ["has a system message in place of it", `s1 ${CHAT}`, "s1 u2 a2 u3", "u3", undefined],
  ])("%s", (_, transcript, held, fresh, partsAt) => {
    expect(read(transcript, held)).toEqual([fresh, partsAt]);
  });
});

describe("a client with ids of its own for what was answered", () => {
  it.each<Case>([
    ["types on", CHAT, "u1 a8=text:a1 u2 a9=text:a2 u3", "u3", undefined],
    ["types on, and sends the reasoning back", CHAT, "u1 r8=text:r1 a1 u2 r9=text:r2 a2 u3", "u3", undefined],
    ["edits", CHAT, "u1 a8=text:a1 u2=EDITED", "u2=EDITED", "u2"],
    ["wants another answer", CHAT, "u1 a8=text:a1 u2", "", "a2"],
    ["has two answers of one text", "u1 a1=ok u2 a2=ok", "u1 a8=ok u2 a9=ok u3", "u3", undefined],
  ])("%s", (_, transcript, held, fresh, partsAt) => {
    expect(read(transcript, held)).toEqual([fresh, partsAt]);
  });
});

describe("a client that goes back", () => {
  it.each<Case>([
    ["by editing the last message", CHAT, "u1 a1 u2=EDITED", "u2=EDITED", "u2"],
    ["by editing the first", CHAT, "u1=EDITED", "u1=EDITED", "u1"],
    ["by editing the first, and keeping all that followed", CHAT, "u1=EDITED a1 u2 a2", "u1=EDITED a1 u2 a2", "u1"],
    ["by editing under a new id", CHAT, "u1 a1 u9", "u9", "u2"],
    ["for another answer", CHAT, "u1 a1 u2", "", "a2"],
    ["for another first answer", CHAT, "u1", "", "a1"],
    ["for another answer from the middle of a turn", "u1 a1= t1 a2", "u1 a1= t1", "", "a2"],
    ["by leaving out a message in the middle", CHAT, "u1 a1 a2 u3", "a2 u3", "u2"],
  ])("%s", (_, transcript, held, fresh, partsAt) => {
    expect(read(transcript, held)).toEqual([fresh, partsAt]);
  });

  it("may have to go back further than where it parts: to where a run began", () => {
    // The run that called the tool began at u1. Its answer is dropped, and the thread cannot go back into its middle.
    const { partsAt, freshAfter } = readHistory(messages("u1 a1= t1"), messages("u1 a1= t1 a2"));
    expect(partsAt).toBe(3);
    expect(words(freshAfter(0))).toBe("u1 a1= t1");
    expect(words(freshAfter(1))).toBe("a1= t1");
  });
});

describe("any history", () => {
  const transcripts = fc
    .array(fc.constantFrom("u", "a", "r", "t"), { maxLength: 12 })
    .map((roles) => messages(roles.map((role, index) => `${role}${index}`).join(" ")));
  const fresh = messages("u100 u101");

  it("that begins anywhere in the transcript and goes on to its end only adds", () => {
    fc.assert(
      fc.property(transcripts, fc.nat(), (transcript, from) => {
        const held = [...transcript.slice(from % (transcript.length + 1)), ...fresh];
        const reading = readHistory(held, transcript);
        expect(reading.partsAt).toBeUndefined();
        expect(reading.fresh).toEqual(fresh);
      }),
    );
  });

  it("that ends before the transcript does parts at the first message it lacks, reasoning aside", () => {
    fc.assert(
      fc.property(transcripts, fc.nat(), (transcript, to) => {
        const held = transcript.slice(0, to % (transcript.length + 1));
        const begun = held.some(({ role }) => role !== "reasoning");
        const first = transcript.findIndex(({ role }, index) => index >= held.length && role !== "reasoning");
        expect(readHistory(held, transcript).partsAt).toBe(begun && first >= 0 ? first : undefined);
      }),
    );
  });

  it("has each of its messages either in the transcript or among the news, never in both", () => {
    fc.assert(
      fc.property(transcripts, fc.nat(), (transcript, at) => {
        const held = transcript.map((sent, index) =>
          sent.role === "user" && index === at % (transcript.length + 1) ? { ...sent, content: "EDITED" } : sent,
        );
        const { partsAt = transcript.length, fresh: news } = readHistory(held, transcript);
        const kept = transcript.slice(0, partsAt);
        expect([...kept, ...news]).toEqual(held);
      }),
    );
  });
});

describe("a long history", () => {
  let reads = 0;
  const long = (count: number, idOf: (index: number) => string, textOf = (index: number) => `text ${index}`) =>
    Array.from({ length: count }, (_, index): Message => {
      const role = index % 2 === 0 ? "user" : "assistant";
      return {
        id: idOf(index),
        role,
        get content() {
          reads += 1;
          return textOf(index);
        },
      };
    });

  it.each([
    ["with the thread's ids", (index: number) => `id-${index}`],
    ["with ids of the client's own", (index: number) => `own-${index}`],
  ])("%s is read a few times a message, however long it is", (_, idOf) => {
    const [short, longer] = [50, 5_000].map((count) => {
      reads = 0;
      readHistory(
        long(count, idOf),
        long(count, (index) => `id-${index}`),
      );
      return reads / count;
    }) as [number, number];
    expect(longer).toBeLessThanOrEqual(short * 1.1);
    expect(longer).toBeLessThan(20);
  });

  it("that is like nothing in the thread is refused before it costs seconds", () => {
    const transcript = long(12_000, (index) => `id-${index}`);
    const held = long(
      12_000,
      (index) => `own-${index}`,
      (index) => `${index} `.repeat(30),
    );
    expect(() => readHistory(held, transcript)).toThrow("Send the ids that the thread gave");
  });
});

describe("a user's message in another form", () => {
  const user = (content: unknown) => [{ id: "u1", role: "user", content }] as unknown as Message[];

  it("is the same message when its text is the only entry of a list", () => {
    const list = [{ type: "text", text: "hi" }];
    for (const [sent, held] of [
      ["hi", list],
      [list, "hi"],
    ]) {
      expect(readHistory(user(held), user(sent))).toMatchObject({ fresh: [], partsAt: undefined });
    }
  });

  it("is another message when the list has more", () => {
    const list = [
      { type: "text", text: "hi" },
      { type: "text", text: "there" },
    ];
    expect(readHistory(user(list), user("hi")).partsAt).toBe(0);
  });
});
