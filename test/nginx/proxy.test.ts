/** The nginx configuration of docs/deploying.md, in an nginx in front of a Sluice. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { codeBlock } from "../documents/code-blocks.ts";
import { freePort } from "../support/free-port.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connect, isType } from "../support/ws-client.ts";

const model = new SteppedModel();
const folder = mkdtempSync(join(tmpdir(), "sluice-nginx-"));
let sluice: TestSluice;
let nginx: ChildProcess;
let host: string;

beforeAll(async () => {
  sluice = await startSluice({ chat: { graph: chatGraph(model) } }, { TRUST_PROXY: "1" });
  const port = await freePort();
  host = `127.0.0.1:${port}`;
  writeFileSync(join(folder, "nginx.conf"), around(codeBlock("docs/deploying.md › Several processes 2").code, port));
  nginx = spawn("nginx", ["-p", folder, "-c", "nginx.conf", "-e", "stderr"], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  nginx.stderr?.on("data", (text: Buffer) => (said += text.toString()));
  for (;;) {
    if (nginx.exitCode !== null) throw new Error(`nginx ended:\n${said}`);
    if (
      await fetch(`http://${host}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break; // nginx prints nothing when it listens
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
afterAll(async () => {
  nginx.kill("SIGTERM");
  if (nginx.exitCode === null) await once(nginx, "close");
  await sluice.close();
  rmSync(folder, { recursive: true, force: true });
});

test("an answer streams through it", async () => {
  const body = JSON.stringify(userInput("hi"));
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`http://${host}/agui`, { method: "POST", headers, body });
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (part: string) => {
    while (!text.includes(part)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`The answer ended with ${text.slice(-200)}`);
      text += value;
    }
  };
  // Each piece arrives before the model says the next one.
  model.say("first");
  await until('"first"');
  model.say("second");
  await until('"second"');
  model.end();
  await until("RUN_FINISHED");
});

test("a WebSocket goes through it", async () => {
  const client = await connect(`ws://${host}/ws`);
  client.send("hi");
  model.say("first");
  await client.until((frame) => frame.includes('"first"'));
  model.end();
  await client.until(isType("RUN_FINISHED"));
  await client.close();
});

/** The usual configuration around a location, with nothing written outside of the folder. */
function around(location: string, port: number): string {
  const kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`);
  return `
daemon off;
pid nginx.pid;
events {}
http {
  access_log off;
  ${kept.join("\n  ")}
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  upstream sluice { server ${new URL(sluice.url).host}; }
  server { listen 127.0.0.1:${port}; ${location} }
}`;
}
