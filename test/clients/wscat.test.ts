/** wscat from npm, used like a person: the test types into it and reads its output. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { lookingGraph } from "./graph.ts";

vi.setConfig({ testTimeout: 60_000 });

const model = new SteppedModel();
let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice({ agent: { graph: lookingGraph(() => model) } }, { ORPHAN_GRACE_SECONDS: "30" });
});
afterAll(() => sluice.close());

const WSCAT = "test/clients/node_modules/wscat/bin/wscat";

function wscat(address: string, ...more: string[]) {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [WSCAT, "-c", `${sluice.ws}${address}`, ...more], { env: { PATH } });
  let printed = "";
  for (const output of [child.stdout, child.stderr]) {
    output.on("data", (text: Buffer) => {
      printed += text.toString();
    });
  }
  const type = (line: string) => void child.stdin.write(`${line}\n`);
  return {
    type,
    /** wscat drops text typed before it is connected, so wait for an answer. */
    async connected() {
      const asked = () => {
        type("/help");
        return printed;
      };
      await expect.poll(asked, { timeout: 20_000, interval: 500 }).toContain("/cancel");
    },
    /** Waits until it prints this text again. */
    async shows(text: string) {
      await expect.poll(() => printed, { timeout: 20_000 }).toContain(text);
      printed = printed.slice(printed.indexOf(text) + text.length);
    },
    end: () => new Promise((ended) => child.once("close", ended) && child.kill()),
  };
}

test("chats, calls a tool, asks and is answered, and stops", async () => {
  const terminal = wscat(`/ws?thread=${randomUUID()}&format=text`);
  await terminal.connected();
  model.say("Hello").end();
  terminal.type("hi");
  await terminal.shows("Hello\n");
  await terminal.shows("[done]");

  model.call("look", { for: "it" }, "c1").end().say("Found.").end();
  terminal.type("look");
  await terminal.shows('[tool] look {"for":"it"}\n[result] look: It is here.\n');
  await terminal.shows("Found.\n");
  await terminal.shows("[done]");

  model.call("ask", {}, "c2").end().say("Then go.").end();
  terminal.type("ask");
  await terminal.shows("[waiting] Go on?");
  terminal.type('{"type":"resume","payload":"yes"}');
  await terminal.shows("[result] ask: You said yes");
  await terminal.shows("Then go.\n");
  await terminal.shows("[done]");

  model.say("Never");
  terminal.type("stop");
  await terminal.shows("Never");
  terminal.type("/cancel");
  await terminal.shows("[error] cancelled");
  expect(sluice.runs.activeCount).toBe(0);
  await terminal.end();
});

test("is sent the active run from its beginning when it comes back, and the thread with frames", async () => {
  const thread = randomUUID();
  const address = `/ws?thread=${thread}&format=text`;
  const before = wscat(address);
  await before.connected();
  before.type("count");
  model.say("one ");
  await before.shows("one ");
  await before.end();
  model.say("two ");
  const after = wscat(address);
  await after.shows("one ");
  model.say("three").end();
  await after.shows("three");
  await after.shows("[done]");
  await after.end();

  const subscribe = JSON.stringify({ type: "subscribe", topic: `thread:${thread}` });
  const frames = wscat("/ws", "--subprotocol", "sluice.v1", "--execute", subscribe, "--wait", "20");
  await frames.shows('"type":"MESSAGES_SNAPSHOT"');
  await frames.shows('"content":"one two three"');
  await frames.end();
});
