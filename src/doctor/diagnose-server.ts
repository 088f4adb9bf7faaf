/** What the evidence of a server says. Pure. */

import { aboutKeys } from "./about-keys.ts";
import { answerOf, charactersOf, piecesOf, SHORT, streams } from "./answer.ts";
import type { Evidence, ServerEvidence, ToldMessage } from "./evidence.ts";
import { duration, percentile } from "./figures.ts";
import { judgeSpread } from "./spread.ts";
import { type Verdict, type VerdictCode, verdict } from "./verdict.ts";

type Rows = [string, string][];

/** What was made over at least this long, by the server's clock, cannot have been one burst. */
const MADE_MS = 200;
/** What was made within this was made at once. */
const MADE_AT_ONCE_MS = 100;
/** It arrived in less than this part of the time in which it was made. */
const SQUEEZED = 0.4;
/** Gaps as even as this, after a wait as long as this, look like a timer's. */
const EVEN = { pieces: 20, variation: 0.1, waitMs: 1_000 };

export function diagnoseServer(evidence: Evidence, server: ServerEvidence): Verdict[] {
  const failed = failure(evidence, server);
  if (failed) return [failed];
  const answer = answerOf(evidence);
  if (!answer) return [nothingTold(evidence, server)];
  if (answer.pieces.length === 1) return [inOnePiece(answer, evidence, server)];
  return paced(answer, server);
}

function failure(evidence: Evidence, server: ServerEvidence): Verdict | undefined {
  const { end, told, asked } = evidence;
  if (!server.reached) {
    return verdict("fault", "unreachable", `Nobody answers at ${server.url}: ${server.why}`, []);
  }
  if (end.kind === "timed-out") {
    const sentence = `The run was not over after ${duration(asked.timeoutMs)}.`;
    return verdict("fault", "timed-out", sentence, [["events until then", String(server.arrivals.length)]]);
  }
  if (told.error) return refusedRun(told.error);
  const wrong = server.transport === "sse" ? wrongAnswer(server) : undefined;
  if (wrong) return wrong;
  if (end.kind === "failed") return verdict("fault", "run-failed", end.message, eventRows(evidence));
  return undefined;
}

/** What came was no stream of AG-UI events. */
function wrongAnswer(server: ServerEvidence): Verdict | undefined {
  const { status = 0, headers, body = "", sluice, location, arrivals, foreign } = server;
  const type = headers["content-type"] ?? "nothing";
  const rows: Rows = [[`POST ${server.url}`, `${status} ${type}`]];
  if (location) rows.push(["it leads to", location]);
  if (body !== "") rows.push(["it said", body.replace(/\s+/g, " ").slice(0, 120)]);
  if (sluice && sluice !== server.url) rows.push(["a Sluice streams at", sluice]);
  if (server.agents) rows.push(["its agents", server.agents.join(", ")]);
  const wrong = (what: string) =>
    verdict("fault", "wrong-endpoint", `This is not an endpoint that streams: ${what}.`, rows);
  if (status === 401 || status === 403) {
    return verdict("fault", "sign-in-needed", `The server wants to know who is asking: it answered ${status}.`, rows);
  }
  if (status >= 500 || status === 429) {
    return verdict("fault", "run-failed", `The server answered ${status}.`, rows);
  }
  if (status >= 300 && status < 400) return wrong(`it answered ${status} and leads elsewhere`);
  if (status !== 200) return wrong(`it answered ${status} to a run's input`);
  if (/json/i.test(type)) return wrong("it answers with JSON, the whole result at once");
  if (!/^text\/event-stream/i.test(type)) return wrong(`it answers with ${type}`);
  if (arrivals.length > 0) return undefined;
  return wrong(foreign > 0 ? "what it sends are no AG-UI events" : "it ended without a single event");
}

function refusedRun({ code, message }: { code: string; message: string }): Verdict {
  const rows: Rows = [["RUN_ERROR", `${code} ${message}`.trim()]];
  if (code.startsWith("timeout")) return verdict("fault", "timed-out", `The server gave the run up: ${message}`, rows);
  const byModel = code === "model_error" || aboutKeys(message);
  if (byModel) return verdict("fault", "model-refused", `The model could not be asked: ${message}`, rows);
  return verdict("fault", "run-failed", `The run failed: ${message}`, rows);
}

function nothingTold(evidence: Evidence, { refused = {} }: ServerEvidence): Verdict {
  const { told } = evidence;
  const rows = eventRows(evidence);
  if (told.snapshots > 0) {
    const sentence = "The answer comes only inside snapshots of the whole state, and no token of it as text.";
    return verdict("fault", "state-snapshots", sentence, [["snapshots with an answer", `${told.snapshots}`], ...rows]);
  }
  if (refused.on_chat_model_stream || refused.on_llm_stream) return refusedEvents(refused);
  if (told.interrupted) {
    return verdict("fault", "interrupted", "The graph stopped to ask before it said anything.", rows);
  }
  return verdict("fault", "no-text", "The run ended well, and nothing was said.", rows);
}

function inOnePiece(answer: ToldMessage, { told }: Evidence, server: ServerEvidence): Verdict {
  const { refused = {} } = server;
  const rows: Rows = piecesOf(answer.pieces);
  if (refused.on_chat_model_stream || refused.on_llm_stream) return refusedEvents(refused);
  if (charactersOf(answer.pieces) < SHORT) {
    return verdict("fault", "too-short", "The answer is too short to tell, and came in one piece.", rows);
  }
  if (told.snapshots > 1) {
    const sentence = "The answer grows in snapshots of the whole state; as text it comes in one piece.";
    return verdict("fault", "state-snapshots", sentence, [["snapshots with an answer", `${told.snapshots}`], ...rows]);
  }
  if (told.counts["CUSTOM sluice.model_call"]) {
    const sentence = "A model was asked for a stream, and its answer left the server in one piece.";
    return verdict("fault", "one-chunk", sentence, [...rows, ["sluice.model_call", "told"]]);
  }
  const sentence = "The server tells the answer in one piece; nothing on the way put it together.";
  return verdict("fault", "told-whole", sentence, rows);
}

function refusedEvents(refused: Readonly<Record<string, number>>): Verdict {
  const rows = Object.entries(refused).map(([name, count]): [string, string] => [`${name} refused`, String(count)]);
  const sentence = "A model streams behind this server, and the server's allow-list refuses its tokens.";
  return verdict("fault", "events-refused", sentence, rows);
}

function paced(answer: ToldMessage, server: ServerEvidence): Verdict[] {
  const { pieces } = answer;
  const rows: Rows = piecesOf(pieces);
  const made = madeSpan(answer, server);
  const spread = judgeSpread(pieces.map((piece) => ({ ...piece, span: answer.id })));
  const failed = spread.checks.filter(({ passed }) => !passed).map(({ name }) => name);
  if (made) {
    rows.push(
      ["the server's clock says", `made over ${duration(made.madeMs)}`],
      ["it arrived over", duration(made.arrivedMs)],
    );
    if (made.madeMs >= MADE_MS && made.arrivedMs < made.madeMs * SQUEEZED) return [buffered(rows, server, "")];
  }
  if (failed.includes("not in one burst")) {
    if (made && made.madeMs <= MADE_AT_ONCE_MS) {
      const sentence =
        "This looks like fake streaming: by the server's own clock the whole answer was there at once, and was then cut into pieces.";
      return [verdict("fault", "fake-streaming", sentence, [...rows, ...headerRows(server)])];
    }
    if (suspects(server).length > 0) return [buffered(rows, server, "It looks as if ")];
    const sentence =
      "The answer's pieces arrive all at once. The events say no time, so it cannot be told whether the server sent them so.";
    return [verdict("fault", "all-at-once", sentence, [...rows, ...headerRows(server)])];
  }
  const found = [streams(answer)];
  if (failed.length > 0) {
    const sentence = `The pieces arrive in portions: ${spread.arrivals} times in all. A model may do that, and so may a proxy.`;
    found.push(verdict("note", "all-at-once", sentence, [...rows, ...headerRows(server)]));
  }
  const even = evenness(pieces.map(({ at }) => at));
  if (even !== undefined) {
    const sentence =
      "The pieces come as evenly as a timer's, after a long wait. This looks like a finished text that is played, but a machine may be that even too.";
    found.push(verdict("note", "evenly-paced", sentence, [["gaps vary by", `${Math.round(even * 100)}%`], ...rows]));
  }
  return found;
}

/** The time in which the answer was made, by the server's clock, and in which it arrived here. */
function madeSpan(
  answer: ToldMessage,
  { arrivals }: ServerEvidence,
): { madeMs: number; arrivedMs: number } | undefined {
  const { madeFrom, madeTo, startedAt, endedAt } = answer;
  if (madeFrom !== undefined && madeTo !== undefined && endedAt !== undefined) {
    return { madeMs: madeTo - madeFrom, arrivedMs: endedAt - startedAt };
  }
  const stamped = arrivals.filter(({ made }) => made !== undefined);
  const [first, last] = [stamped[0], stamped.at(-1)];
  if (!first || !last || stamped.length < 2) return undefined;
  return { madeMs: (last.made ?? 0) - (first.made ?? 0), arrivedMs: last.at - first.at };
}

function buffered(rows: Rows, server: ServerEvidence, looks: string): Verdict {
  const compressed = server.headers["content-encoding"];
  const code: VerdictCode = compressed ? "compression-buffers" : "proxy-buffers";
  const who = compressed ? `compression (${compressed})` : "a proxy";
  const how = looks
    ? `${who} on the way collects the answer.`
    : `${who} on the way collects it, and hands it over at once.`;
  const sentence = looks ? `${looks}${how}` : `The server sends the answer bit by bit, but ${how}`;
  const socket: Rows =
    server.overWebSocketMs === undefined
      ? []
      : [["over the WebSocket", `it arrives over ${duration(server.overWebSocketMs)}`]];
  return verdict("fault", code, sentence, [...rows, ...headerRows(server), ...socket]);
}

/** Headers that no streamed response needs, and that point to somebody who collects it. */
function suspects({ headers }: ServerEvidence): string[] {
  return ["content-encoding", "content-length", "via", "x-cache"].filter((name) => headers[name] !== undefined);
}

function headerRows(server: ServerEvidence): Rows {
  if (server.transport === "ws") return [];
  const shown = [...suspects(server), "server"].flatMap((name): Rows => {
    const value = server.headers[name];
    return value === undefined ? [] : [[name, value]];
  });
  return [...shown, ["x-accel-buffering", server.headers["x-accel-buffering"] ?? "missing"]];
}

/** How much the gaps vary, where they are suspiciously even. */
function evenness(times: readonly number[]): number | undefined {
  const [first = 0] = times;
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  if (times.length < EVEN.pieces || first < EVEN.waitMs) return undefined;
  const middle = percentile(gaps, 0.5);
  const variation = (percentile(gaps, 0.9) - percentile(gaps, 0.1)) / middle;
  return middle > 1 && variation <= EVEN.variation ? variation : undefined;
}

function eventRows({ told }: Evidence): Rows {
  const counts = Object.entries(told.counts).map(([type, count]) => `${count} ${type}`);
  return [["events", counts.join(", ") || "none"]];
}
