/** `npm run check-wire`: is every frame that a server sends what PROTOCOL.md says, in SSE and in all four formats? */
import { attempt, type Check, checkServer, expectThat, runScript, withoutProblems } from "./checks/check.ts";
import { agui, framesFormat, langgraph, sse } from "./checks/formats.ts";
import { type Ask, ENDS, inputOf, openSocket, postRun, typeOf } from "./checks/run.ts";

const USAGE = `Usage: npm run check-wire [-- options]

Asks a Sluice the same question over SSE and over a WebSocket in each of its formats, and holds every frame against
PROTOCOL.md: its shape, its ids and cursors, the sequence of its events. Fails when one is not as it should be.

Options:
  --url <url>          the server, such as http://127.0.0.1:8123; without it one is started with the demo model
  --agent <name>       the agent to ask (the server's first)
  --message <text>     what to say (a greeting)
  --timeout <seconds>  how long a run may take (60)
  --json               the checks as JSON
  --help               this`;

/** The checks of one server, one after the other. */
export async function wireChecks(ask: Ask): Promise<Check[]> {
  const checks: Check[] = [];
  for (const check of [overSse, overAgui, overFrames, overLanggraph, overText]) checks.push(await check(ask));
  return checks;
}

/** A check over a line that may not come about at all. */
async function held(name: string, problemsOf: () => Promise<{ problems: string[]; count: number }>): Promise<Check> {
  try {
    const { problems, count } = await problemsOf();
    return withoutProblems(name, problems, `${count} frames`);
  } catch (error) {
    return attempt(name, () => Promise.reject(error));
  }
}

function overSse(ask: Ask): Promise<Check> {
  return held("SSE", async () => {
    const answer = await postRun(ask, inputOf(ask.message));
    return { problems: sse(answer), count: answer.blocks.length };
  });
}

function overAgui(ask: Ask): Promise<Check> {
  return held("WebSocket, agui", async () => {
    const socket = await openSocket(ask, { protocol: "1.0" });
    socket.send(inputOf(ask.message));
    await socket.until((frame) => ENDS.includes(typeOf(frame)));
    socket.close();
    return { problems: agui(socket.frames), count: socket.frames.length };
  });
}

function overFrames(ask: Ask): Promise<Check> {
  return held("WebSocket, frames", async () => {
    const input = inputOf(ask.message);
    const socket = await openSocket(ask, {}, "sluice.v1");
    socket.send({ type: "run", id: "run", input });
    await socket.until((frame) => ENDS.includes((JSON.parse(frame) as { data?: { type: string } }).data?.type ?? ""));
    socket.send({ type: "stats", id: "stats", topic: `thread:${encodeURIComponent(input.threadId)}` });
    socket.send({ type: "ping", id: "ping" });
    await socket.until((frame) => typeOf(frame) === "pong");
    await socket.until((frame) => typeOf(frame) === "stats");
    socket.send("no frame");
    await socket.until((frame) => typeOf(frame) === "error");
    socket.close();
    return { problems: framesFormat(socket.frames, input), count: socket.frames.length };
  });
}

function overLanggraph(ask: Ask): Promise<Check> {
  return held("WebSocket, langgraph", async () => {
    const socket = await openSocket(ask, { format: "langgraph" });
    socket.send(ask.message);
    await socket.until((frame) => /^\{"event":"(done|error)"/.test(frame));
    socket.close();
    return { problems: langgraph(socket.frames), count: socket.frames.length };
  });
}

function overText(ask: Ask): Promise<Check> {
  return attempt("WebSocket, text", async () => {
    const socket = await openSocket(ask, { format: "text" });
    socket.send(ask.message);
    const last = await socket.until((frame) => /^\[(done|cancelled|waiting|error)\b/.test(frame));
    socket.close();
    expectThat(!last.startsWith("[error]"), last);
    expectThat(
      socket.frames.every((frame) => frame !== "" && !frame.startsWith('{"type"')),
      "a frame is empty, or an event",
    );
    return `${socket.frames.length} frames, the last ${last.slice(0, 20)}`;
  });
}

runScript(import.meta, () => checkServer(USAGE, wireChecks));
