/** Judges the evidence of a server. Pure. */
import { expandEventPattern, splitEvents } from "../protocol/allow-list-spec.ts";
import { aboutKeys } from "./about-keys.ts";
import { answerOf, charactersOf, piecesOf, SHORT } from "./answer.ts";
import type { DeliveredMessage, Evidence, ServerEvidence } from "./evidence.ts";
import { duration } from "./measures.ts";
import { judgeServerPace } from "./server-pace.ts";
import { type Verdict, verdict } from "./verdict.ts";
import { wrongAnswer, wrongForm } from "./wrong-answer.ts";

type Rows = [string, string][];

export function diagnoseServer(evidence: Evidence, server: ServerEvidence): Verdict[] {
  const [main, ...others] = judged(evidence, server);
  if (!main || server.runs < 2) return main ? [main, ...others] : others;
  const runs: Rows = [["runs", `${server.runs}: the question was asked once more, over the WebSocket`]];
  return [{ ...main, evidence: [...main.evidence, ...runs] }, ...others];
}

function judged(evidence: Evidence, server: ServerEvidence): Verdict[] {
  const failed = failure(evidence, server);
  if (failed) return [failed];
  const verdicts = ofAnswer(evidence, server);
  const form = wrongForm(evidence, server);
  return form ? [form, ...verdicts.filter(({ kind }) => kind === "fault")] : verdicts;
}

function ofAnswer(evidence: Evidence, server: ServerEvidence): Verdict[] {
  const answer = answerOf(evidence);
  if (!answer) return [nothingSent(evidence, server)];
  return answer.pieces.length === 1 ? [inOnePiece(answer, evidence, server)] : judgeServerPace(answer, server);
}

function failure(evidence: Evidence, server: ServerEvidence): Verdict | undefined {
  const { end, delivered, asked } = evidence;
  if (!server.reached) {
    return verdict("unknown", "unreachable", `No server answers at ${server.url}: ${server.why}`, []);
  }
  if (end.kind === "timed-out") {
    const sentence = `The run was not over after ${duration(asked.timeoutMs)}.`;
    return verdict("fault", "timed-out", sentence, [["events until then", String(server.arrivals.length)]]);
  }
  if (delivered.error) return refusedRun(delivered.error);
  const wrong = wrongAnswer(server);
  if (wrong) return wrong;
  if (end.kind === "failed") return verdict("unknown", "run-failed", end.message, eventRows(evidence));
  return undefined;
}

function refusedRun({ code, message }: { code: string; message: string }): Verdict {
  const rows: Rows = [["RUN_ERROR", `${code} ${message}`.trim()]];
  if (code.startsWith("timeout")) return verdict("fault", "timed-out", `The server ended the run: ${message}`, rows);
  const byModel = code === "model_error" || aboutKeys(message);
  if (byModel) return verdict("unknown", "model-refused", `The model could not be asked: ${message}`, rows);
  return verdict("unknown", "run-failed", `The run failed: ${message}`, rows);
}

function nothingSent(evidence: Evidence, server: ServerEvidence): Verdict {
  const { delivered } = evidence;
  const rows = eventRows(evidence);
  if (delivered.snapshots > 0) {
    const sentence = "The answer comes only inside snapshots of the whole state, and no token of it as text.";
    return verdict("fault", "state-snapshots", sentence, [
      ["snapshots with an answer", `${delivered.snapshots}`],
      ...rows,
    ]);
  }
  const refused = refusedTokens(server);
  if (refused) return refused;
  if (delivered.interrupted) {
    return verdict("fault", "interrupted", "The graph stopped to ask before it said anything.", rows);
  }
  return verdict("fault", "no-text", "The run ended well, and nothing was said.", rows);
}

function inOnePiece(answer: DeliveredMessage, { delivered }: Evidence, server: ServerEvidence): Verdict {
  const rows: Rows = piecesOf(answer.pieces);
  const refused = refusedTokens(server);
  if (refused) return refused;
  if (charactersOf(answer.pieces) < SHORT) {
    return verdict("fault", "too-short", "The answer is too short to tell, and came in one piece.", rows);
  }
  if (delivered.snapshots > 1) {
    const sentence = "The answer grows in snapshots of the whole state; as text it comes in one piece.";
    return verdict("fault", "state-snapshots", sentence, [
      ["snapshots with an answer", `${delivered.snapshots}`],
      ...rows,
    ]);
  }
  if (delivered.counts["CUSTOM sluice.model_call"]) {
    const sentence = "A model was asked for a stream, and its answer left the server in one piece.";
    return verdict("fault", "one-chunk", sentence, [...rows, ["sluice.model_call", "sent"]]);
  }
  const sentence = "The server sends the answer in one piece; nothing on the way put it together.";
  return verdict("fault", "sent-whole", sentence, rows);
}

/** Finds tokens that the server's allow-list refused, or that the address itself leaves out. */
function refusedTokens(server: ServerEvidence): Verdict | undefined {
  const { refused = {} } = server;
  const byAddress = takenByAddress(server);
  if (byAddress) return byAddress;
  if (!refused.on_chat_model_stream && !refused.on_llm_stream) return undefined;
  const rows = Object.entries(refused).map(([name, count]): [string, string] => [`${name} refused`, String(count)]);
  const sentence = "A model of this server streams, and the server's allow-list refuses its tokens.";
  return verdict("fault", "events-refused", sentence, rows);
}

/** A Sluice's address may leave tokens out by its query. */
function takenByAddress({ url, sluice }: ServerEvidence): Verdict | undefined {
  if (sluice !== url) return undefined;
  const { searchParams } = new URL(url);
  const events = searchParams.get("events");
  if (events !== null && !splitEvents(events).flatMap(expandEventPattern).includes("on_chat_model_stream")) {
    const sentence = `The address itself refuses the tokens: its ?events=${events} leaves them out.`;
    return verdict("fault", "events-refused", sentence, [["examined", url]]);
  }
  const tokens = searchParams.get("tokens") ?? "";
  if (!/^(false|off|0)$/.test(tokens)) return undefined;
  const sentence = `The address itself has the tokens put together: it says ?tokens=${tokens}.`;
  return verdict("fault", "tokens-off", sentence, [["examined", url]]);
}

function eventRows({ delivered }: Evidence): Rows {
  const counts = Object.entries(delivered.counts).map(([type, count]) => `${count} ${type}`);
  return [["events", counts.join(", ") || "none"]];
}
