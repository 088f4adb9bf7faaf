/** A process without free file handles refuses new clients, and works again when handles are free. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect as dial, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, it, vi } from "vitest";
import { EventType } from "../../src/protocol/events.ts";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import { killRest, serve } from "../support/child.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { verifyRun } from "../support/verify.ts";
import { connect } from "../support/ws-client.ts";

afterAll(killRest);

const isLinux = process.platform === "linux";

it.runIf(isLinux)(
  "a process without file handles serves those that are in, and others when there are handles again",
  async () => {
    const server = await serve();
    const { pid = 0 } = server;
    const handles = () => readdirSync(`/proc/${pid}/fd`).length;
    const inside = await connect(`${server.url.replace("http", "ws")}/ws`, {}, [SUBPROTOCOL]);
    const answers = async (id: string) => {
      inside.send({ type: "ping", id });
      await inside.until((frame) => frame.includes(`"${id}"`));
    };
    await answers("before");
    const most = handles() + 5;
    execFileSync("prlimit", ["--pid", String(pid), `--nofile=${most}`]);
    const { hostname, port } = new URL(server.url);
    const crowd: Socket[] = Array.from({ length: 100 }, () => dial(Number(port), hostname).on("error", () => {}));
    await expect.poll(handles).toBeGreaterThanOrEqual(most);
    // In the meantime the process checks its memory, sends heartbeats and cleans up.
    for (let turn = 0; turn < 10; turn += 1) {
      await answers(`turn-${turn}`);
      await pause(250);
    }
    for (const socket of crowd) socket.destroy();
    // Waiting connections are accepted after the other clients have left.
    const run = await vi.waitFor(() => postRun(server.url, userInput("Still there?")), {
      timeout: 20_000,
      interval: 100,
    });
    const events = await run.done;
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED });
    await inside.close();
    expect(await server.stop()).toMatchObject({ code: 0 });
  },
);
