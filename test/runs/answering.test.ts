/** Answers under the id of the run that asked, over HTTP, as CopilotKit's hooks send them. */
import { AIMessage } from "@langchain/core/messages";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStorage } from "../../src/app/storage.ts";
import type { RunAgentInput } from "../../src/protocol/events.ts";
import { interruptsOf, refusal, said, silentInput, turn } from "../e2e/translation/turns.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { connect, isType } from "../support/ws-client.ts";
import { Gate } from "./scripted.ts";

const folder = temporaryFolder();
let sluice: TestSluice;
/** Holds the run that brings the answers. */
let gate: Gate;
let files = 0;

/** One node that asks two questions; LangGraph gives both the same id. */
async function serve(): Promise<void> {
  const { store, checkpointer } = openStorage(`${folder}/${files}`);
  const ask = () => [interrupt("First?"), interrupt("Second?")].map(String);
  const answer = async () => {
    const answers = ask();
    await gate.opened;
    return { messages: [new AIMessage(`You said ${answers.join(", then ")}.`)] };
  };
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("ask", answer)
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer });
  sluice = await startSluice({ main: { graph } }, {}, { store });
}

beforeEach(async () => {
  files += 1;
  gate = new Gate();
  gate.open();
  await serve();
});
afterEach(() => sluice.close());

function answering(asked: RunAgentInput, id: string | undefined, payload: unknown): RunAgentInput {
  const { threadId, runId } = asked;
  const resume = [{ interruptId: id ?? "", status: "resolved" as const, payload }];
  return silentInput({ threadId, runId, resume });
}

/** A run that has asked its first question. */
async function asked() {
  const input = userInput("hi");
  const [first] = interruptsOf(await turn(sluice.url, "main", input));
  return { input, first };
}

describe("answers under the id of the run that asked", () => {
  it("start a run of another id, which RUN_STARTED and JSON state; the same answers attach to it", async () => {
    const { input, first } = await asked();
    const body = answering(input, first?.id, "one");
    const events = await turn(sluice.url, "main", body);
    const [started] = events;
    expect(started).toMatchObject({ type: "RUN_STARTED", runId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(interruptsOf(events)).toMatchObject([{ message: "Second?" }]);
    expect(await turn(sluice.url, "main", body)).toEqual(events);
    const response = await fetch(`${sluice.url}/agui`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body),
    });
    expect(await response.json()).toMatchObject({ runId: (started as { runId: string }).runId, outcome: "interrupt" });
  });

  it("start a run of another id over a socket too, which its ack states", async () => {
    const { input, first } = await asked();
    const client = await connect(`${sluice.ws}/ws`, {}, ["sluice.v1"]);
    client.send({ type: "run", id: "1", agent: "main", input: answering(input, first?.id, "one") });
    await client.until((frame) => frame.includes('"RUN_FINISHED"'));
    const frames = client.frames.join("\n");
    const idIn = (pattern: RegExp) => pattern.exec(frames)?.[1];
    const stated = idIn(/"type":"ack".*"runId":"(.*?)"/);
    expect(stated).toMatch(/^[0-9a-f]{32}$/);
    expect(idIn(/"type":"RUN_STARTED".*?"runId":"(.*?)"/)).toBe(stated);
    await client.close();
  });

  it("answer two questions, one after the other, that LangGraph gives one id, though the answers are the same", async () => {
    const { input, first } = await asked();
    const [second] = interruptsOf(await turn(sluice.url, "main", answering(input, first?.id, "yes")));
    expect(second?.id).not.toBe(first?.id);
    const events = await turn(sluice.url, "main", answering(input, second?.id, "yes"));
    expect(said(events)).toEqual(["You said yes, then yes."]);
  });

  it("of two people: the first holds, another answer is a conflict, and the first body still attaches to its run", async () => {
    const { input, first } = await asked();
    await turn(sluice.url, "main", answering(input, first?.id, "mine"));
    const { status, error } = await refusal(sluice.url, "main", answering(input, first?.id, "theirs"));
    expect([status, error.code]).toEqual([409, "run_conflict"]);
    expect(interruptsOf(await turn(sluice.url, "main", input))).toEqual([first]);
  });

  it("are no reason to start anything under a run that asked nothing", async () => {
    const { input, first } = await asked();
    const [second] = interruptsOf(await turn(sluice.url, "main", answering(input, first?.id, 1)));
    const done = answering({ ...input, runId: "done" }, second?.id, 2);
    await turn(sluice.url, "main", done);
    const { error } = await refusal(sluice.url, "main", answering(done, second?.id, 3));
    expect(error.code).toBe("run_conflict");
  });

  it("attach after a restart too", async () => {
    const { input, first } = await asked();
    const body = answering(input, first?.id, "one");
    const [, ...events] = await turn(sluice.url, "main", body);
    await sluice.close();
    await serve();
    const again = await turn(sluice.url, "main", body);
    // The log was in memory and is lost. The events made in its place have the same end.
    expect(interruptsOf(again)).toEqual(interruptsOf(events));
    expect((await refusal(sluice.url, "main", answering(input, first?.id, "two"))).error.code).toBe("run_conflict");
  });

  it("are cancelled under the old id, by CopilotKit's stop and by a socket's cancel or abort, and under no other", async () => {
    for (const way of ["stop", "cancel", "abort"]) {
      gate.open();
      const { input, first } = await asked();
      const [second] = interruptsOf(await turn(sluice.url, "main", answering(input, first?.id, "one")));
      gate = new Gate();
      const run = await postRun(sluice.url, answering(input, second?.id, "two"));
      const { threadId, runId } = input;
      const stop = (body: object) =>
        fetch(`${sluice.url}/agui/agent/main/stop/${threadId}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
      expect((await stop({ runId: "another" })).status).toBe(404);
      if (way === "stop") expect((await stop({ runId })).status).toBe(200);
      else {
        const client = await connect(`${sluice.ws}/ws?thread=${threadId}&protocol=1.0`);
        client.send({ type: way, runId });
        await client.until(isType("RUN_FINISHED"));
        await client.close();
      }
      expect((await run.done).at(-1)).toMatchObject({ outcome: { type: "cancelled" } });
    }
  });
});
