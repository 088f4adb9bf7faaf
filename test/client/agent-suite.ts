/**
 * Tests a `WebSocketAgent` with either generation of `@ag-ui/client`, which is an argument. A run that resolves has
 * passed the verifier of that generation.
 */

import { AIMessage } from "@langchain/core/messages";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ConnectionState, SluiceConnection } from "../../src/client/connection.ts";
import type { WebSocketAgent, WebSocketAgentConfig } from "../../src/client/web-socket-agent.ts";
import { type FaultProxy, type FaultProxyOptions, faultProxy } from "../support/fault-proxy.ts";
import { memory, startSluice, type TestAgent, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connection, Ear, quick, words } from "./follow.ts";

/** Asks before it says what it was answered. */
function askingGraph() {
  return new StateGraph(MessagesAnnotation)
    .addNode("ask", () => ({ messages: [new AIMessage(`You said ${interrupt({ message: "Shall I?" })}`)] }))
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer: memory() });
}

export function agentSuite(
  load: () => Promise<{ WebSocketAgent: new (config: WebSocketAgentConfig) => WebSocketAgent }>,
  { cancelled }: { cancelled: object },
): void {
  let model: SteppedModel;
  let agents: Record<string, TestAgent>;
  let sluice: TestSluice;
  let proxy: FaultProxy;
  /** A second connection, which bypasses the proxy. */
  let witness: SluiceConnection;

  beforeEach(async () => {
    // The clients print their errors.
    vi.spyOn(console, "error").mockImplementation(() => {});
    model = new SteppedModel();
    agents = {
      stepped: { graph: chatGraph(model) },
      quick: { graph: chatGraph(new SteppedModel({ always: ["Hel", "lo"] })) },
      asking: { graph: askingGraph() },
    };
    await serve();
  });
  afterEach(async () => {
    witness.close();
    await proxy.close();
    await sluice.close();
    vi.restoreAllMocks();
  });

  async function serve(options: FaultProxyOptions = {}, env: Record<string, string> = {}): Promise<void> {
    witness?.close();
    await proxy?.close();
    await sluice?.close();
    sluice = await startSluice(agents, env);
    proxy = await faultProxy(sluice.ws, options);
    witness = connection(sluice.ws);
  }

  async function agent(config: Partial<WebSocketAgentConfig> = {}): Promise<WebSocketAgent> {
    const { WebSocketAgent } = await load();
    const backoff = { ...quick.backoff, attempts: 10_000 };
    const initialMessages = [{ id: "u1", role: "user" as const, content: "hi" }];
    return new WebSocketAgent({ url: `${proxy.ws}/ws`, threadId: "t", initialMessages, ...quick, backoff, ...config });
  }

  /** Runs, and writes down the events. */
  function run(subject: WebSocketAgent, how: "runAgent" | "connectAgent" = "runAgent") {
    const ear = new Ear();
    const done = subject[how](
      { runId: "r" },
      { onEvent: ({ event }) => ear.listener.onEvent(event as never, { cursor: undefined, entries: 0, bytes: 0 }) },
    );
    done.catch(() => {});
    return { ear, done };
  }

  const contents = ({ messages }: WebSocketAgent) => messages.map(({ role, content }) => [role, content]);

  describe("run", () => {
    it("ends with the answer among the messages", async () => {
      const subject = await agent({ agent: "quick" });
      const { newMessages } = await run(subject).done;
      expect(newMessages).toMatchObject([{ role: "assistant", content: "Hello" }]);
      expect(subject.isRunning).toBe(false);
    });

    it("does not notice that the socket is cut again and again", async () => {
      await serve({ trouble: () => ({ fault: "reset", afterFrames: 5 }) });
      model
        .think("Hmm. ", "So.")
        .say(...words(20))
        .end();
      const subject = await agent();
      const { ear, done } = run(subject);
      await done;
      expect(contents(subject)).toEqual([
        ["user", "hi"],
        ["reasoning", "Hmm. So."],
        ["assistant", words(20).join("")],
      ]);
      expect(ear.events.filter(({ type }) => type === "RUN_STARTED")).toHaveLength(1);
      expect(proxy.connections).toBeGreaterThan(1);
    });

    it("reports why it may not begin", async () => {
      await witness.run(userInput("first", { threadId: "t" })).confirmed;
      await expect(run(await agent()).done).rejects.toMatchObject({ code: "thread_busy" });
    });

    it("waits for an answer, and goes on with it", async () => {
      const subject = await agent({ agent: "asking" });
      await run(subject).done;
      const [question] = subject.pendingInterrupts;
      await subject.runAgent({
        runId: "r2",
        resume: [{ interruptId: question?.id ?? "", status: "resolved", payload: "yes" }],
      });
      expect(subject.messages.at(-1)).toMatchObject({ role: "assistant", content: "You said yes" });
    });

    it("two on one shared connection use one socket", async () => {
      const shared = connection(proxy.ws);
      const subject = await agent({ agent: "quick", connection: shared });
      await run(subject).done;
      subject.addMessage({ id: "u2", role: "user", content: "again" });
      await subject.runAgent({ runId: "r2" });
      expect(contents(subject).filter(([role]) => role === "assistant")).toHaveLength(2);
      expect(proxy.connections).toBe(1);
      expect(shared.state).toEqual({ status: "open" });
      shared.close();
    });

    it("a clone runs beside it", async () => {
      const subject = await agent({ agent: "quick" });
      const clone = subject.clone();
      clone.threadId = "other";
      await Promise.all([run(subject).done, run(clone).done]);
      expect(contents(clone)).toEqual(contents(subject));
      expect(contents(clone)).toHaveLength(2);
    });

    it("who stops listening does not stop the run", async () => {
      model.say("Well");
      const subject = await agent();
      const { ear, done } = run(subject);
      await ear.said("Well");
      await subject.detachActiveRun();
      await done;
      const other = new Ear();
      witness.subscribe("t", other.listener);
      await other.said("Well");
      model.say(", then").end();
      await other.ended;
      expect(other.text).toBe("Well, then");
    });
  });

  describe("abortRun", () => {
    it("cancels on the server, which sends the end", async () => {
      model.say("Well");
      const subject = await agent();
      const { ear, done } = run(subject);
      await ear.said("Well");
      subject.abortRun();
      await done;
      expect(ear.events.at(-1)).toMatchObject(cancelled);
      // A reader may receive the end of a run before the server releases the thread.
      await expect.poll(() => sluice.runs.activeCount, { interval: 1 }).toBe(0);
    });

    it("ends here when there is no server to ask", async () => {
      model.say("Well");
      let waiting = () => {};
      const away = new Promise<void>((lost) => {
        waiting = lost;
      });
      const onState = ({ status }: ConnectionState) => {
        if (status === "waiting") waiting();
      };
      const subject = await agent({ backoff: { firstMs: 60_000 }, onState });
      const { ear, done } = run(subject);
      await ear.said("Well");
      proxy.reachable = false;
      proxy.strike("reset");
      await away;
      subject.abortRun();
      await done;
      expect(ear.events.at(-1)).toMatchObject({ type: "RUN_ERROR", code: "abort" });
      expect(subject.messages.at(-1)).toMatchObject({ content: "Well" });
    });

    it("a run that never reached the server does not look like one that succeeded", async () => {
      proxy.reachable = false;
      let waiting = () => {};
      const away = new Promise<void>((lost) => {
        waiting = lost;
      });
      const onState = ({ status }: ConnectionState) => {
        if (status === "waiting") waiting();
      };
      const subject = await agent({ backoff: { firstMs: 60_000 }, onState });
      const { ear, done } = run(subject);
      await away;
      subject.abortRun();
      await done;
      expect(ear.events).toMatchObject([{ type: "RUN_ERROR", code: "abort" }]);
    });

    it("means nothing when nothing runs", async () => {
      const subject = await agent({ agent: "quick" });
      subject.abortRun();
      await run(subject).done;
      subject.abortRun();
      expect(subject.messages).toHaveLength(2);
    });
  });

  describe("what was missed for good", () => {
    /** Cuts the line, makes the run exceed the log, and lets the agent reconnect. */
    async function missing(say: (word: string) => void, then: (watch: Ear) => unknown = () => {}): Promise<void> {
      const ear = new Ear();
      const watch = witness.subscribe("t", ear.listener);
      await watch.confirmed;
      proxy.reachable = false;
      proxy.strike("reset");
      for (const word of words(10)) {
        say(word);
        // One word at a time, because waiting deltas are merged.
        await ear.until(({ events }) => JSON.stringify(events).includes(word));
      }
      await then(ear);
      watch.unsubscribe();
      proxy.reachable = true;
    }
    const small = { LOG_MAX_EVENTS: "5" };

    it("a message is sent again from its start, and is held once", async () => {
      await serve({}, small);
      const subject = await agent();
      model.think("Let me see.").say("Begin ");
      const { ear, done } = run(subject);
      await ear.said("Begin");
      await missing((word) => model.say(word));
      await ear.until(({ events }) => events.some(({ type }) => type === "MESSAGES_SNAPSHOT"));
      model.say("end").end();
      await done;
      expect(contents(subject).filter(([role]) => role !== "reasoning")).toEqual([
        ["user", "hi"],
        ["assistant", `Begin ${words(10).join("")}end`],
      ]);
      expect(subject.messages.filter(({ role }) => role === "reasoning")).toMatchObject([{ content: "Let me see." }]);
    });

    it("reasoning that went on meanwhile does not stand there twice", async () => {
      await serve({}, small);
      const subject = await agent();
      model.think("Begin ");
      const { ear, done } = run(subject);
      await ear.until(({ events }) => events.some(({ type }) => type === "REASONING_MESSAGE_CONTENT"));
      await missing((word) => model.think(word));
      await ear.until(({ events }) => events.some(({ type }) => type === "MESSAGES_SNAPSHOT"));
      model.think("end").say("So.").end();
      await done;
      expect(contents(subject)).toEqual([
        ["user", "hi"],
        ["reasoning", `Begin ${words(10).join("")}end`],
        ["assistant", "So."],
      ]);
    });

    it("a run that ended meanwhile is reported as ended, with all it said", async () => {
      await serve({}, small);
      const subject = await agent();
      model.say("Begin ");
      const { ear, done } = run(subject);
      await ear.said("Begin");
      await missing(
        (word) => model.say(word),
        (watch) => {
          model.end();
          return watch.ended;
        },
      );
      await done;
      expect(contents(subject)).toEqual([
        ["user", "hi"],
        ["assistant", `Begin ${words(10).join("")}`],
      ]);
      expect(ear.events.at(-1)).toMatchObject({ type: "RUN_FINISHED", runId: "r" });
    });

    it("a run that failed meanwhile is reported as failed", async () => {
      await serve({}, small);
      const subject = await agent();
      model.say("Begin ");
      const { ear, done } = run(subject);
      await ear.said("Begin");
      await missing(
        (word) => model.say(word),
        (watch) => {
          model.fail(new Error("no"));
          return watch.ended;
        },
      );
      await done;
      expect(ear.events.at(-1)).toMatchObject({ type: "RUN_ERROR" });
    });

    it("a run that nobody knows any more is an error, and what was said stays", async () => {
      const subject = await agent();
      model.say("Begin ");
      const { ear, done } = run(subject);
      await ear.said("Begin");
      witness.close();
      // The process dies before it can end the run, and another one takes its port.
      proxy.reachable = false;
      proxy.strike("reset");
      await sluice.close();
      sluice = await startSluice(agents, { PORT: new URL(sluice.url).port });
      proxy.reachable = true;
      await expect(done).rejects.toMatchObject({ code: "lost" });
      expect(subject.messages.at(-1)).toMatchObject({ content: "Begin " });
    });

    it("a server that is gone for good is an error, not an end", async () => {
      const subject = await agent({ backoff: { ...quick.backoff, attempts: 3 } });
      model.say("Begin ");
      const { ear, done } = run(subject);
      await ear.said("Begin");
      proxy.reachable = false;
      proxy.strike("reset");
      await expect(done).rejects.toMatchObject({ code: "unreachable" });
      expect(subject.messages.at(-1)).toMatchObject({ content: "Begin " });
    });
  });

  describe("connect", () => {
    it("gives the history of an idle thread, and ends", async () => {
      await run(await agent({ agent: "quick" })).done;
      const late = await agent({ agent: "quick", initialMessages: [] });
      await run(late, "connectAgent").done;
      expect(contents(late)).toEqual([
        ["user", "hi"],
        ["assistant", "Hello"],
      ]);
    });

    it("gives what a run has said, and the rest as it comes, over many sockets", async () => {
      await serve({ trouble: () => ({ fault: "end", afterFrames: 8 }) });
      model.think("Hmm.").say("One ");
      const first = new Ear();
      witness.run(userInput("hi", { threadId: "t" }), first.listener);
      await first.said("One");
      const late = await agent({ initialMessages: [] });
      const { ear, done } = run(late, "connectAgent");
      await ear.said("One");
      model.say(...words(20)).end();
      await done;
      expect(late.messages.at(-1)).toMatchObject({ role: "assistant", content: `One ${words(20).join("")}` });
      expect(proxy.connections).toBeGreaterThan(1);
    });

    it("again, in the middle of reasoning, does not say it twice", async () => {
      model.think("Hmm");
      // The run is started over another connection: without a run, the agent would have nothing to read.
      await witness.run(userInput("hi", { threadId: "t" })).confirmed;
      const late = await agent({ initialMessages: [] });
      const once = run(late, "connectAgent");
      await once.ear.until(({ events }) => events.some(({ type }) => type === "REASONING_MESSAGE_CONTENT"));
      await late.detachActiveRun();
      const again = run(late, "connectAgent");
      await again.ear.until(({ events }) => events.some(({ type }) => type === "REASONING_MESSAGE_START"));
      model.think(", so").say("Yes.").end();
      await again.done;
      expect(late.messages.filter(({ role }) => role === "reasoning")).toMatchObject([{ content: "Hmm, so" }]);
    });
  });
}
