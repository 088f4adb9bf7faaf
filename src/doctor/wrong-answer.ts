/** Judges an answer of a server that was no stream of AG-UI events. Pure. */
import type { Evidence, ServerEvidence } from "./evidence.ts";
import { type Verdict, verdict } from "./verdict.ts";

type Rows = [string, string][];

export function wrongAnswer(server: ServerEvidence): Verdict | undefined {
  return server.transport === "sse" ? wrongResponse(server) : wrongSocket(server);
}

function wrongResponse(server: ServerEvidence): Verdict | undefined {
  const { status = 0, headers, arrivals } = server;
  if (status !== 200) return refused(server, status);
  if (arrivals.length > 0) return undefined;
  const type = headers["content-type"] ?? "no Content-Type";
  if (/json/i.test(type)) {
    return verdict(
      "fault",
      "wrong-endpoint",
      noStream("it answers with JSON, the whole result at once"),
      rowsOf(server),
    );
  }
  return verdict("unknown", "wrong-endpoint", noStream(nothingKnown(server, type)), rowsOf(server));
}

function nothingKnown({ foreign }: ServerEvidence, type: string): string {
  if (!/^text\/event-stream/i.test(type)) return `it answers with ${type}`;
  return foreign > 0 ? "what it sends are no AG-UI events" : "it ended without a single event";
}

function wrongSocket(server: ServerEvidence): Verdict | undefined {
  const { status, arrivals, foreign } = server;
  if (status !== undefined) return refused(server, status);
  if (arrivals.length > 0) return undefined;
  const what =
    foreign > 0
      ? "it answers a run's input with frames that are no AG-UI events"
      : "it opens, and answers a run's input with nothing";
  return verdict("unknown", "wrong-endpoint", noStream(what), rowsOf(server));
}

/** No token was seen, so this does not show that tokens do not stream. */
function refused(server: ServerEvidence, status: number): Verdict {
  const rows = rowsOf(server);
  if (status === 401 || status === 403) {
    const sentence = `The server requires a sign-in: it answered ${status}.`;
    return verdict("unknown", "sign-in-needed", sentence, rows);
  }
  if (status >= 500 || status === 429) {
    return verdict("unknown", "run-failed", `The server answered ${status}.`, rows);
  }
  const redirect = status >= 300 && status < 400;
  const to = redirect && server.location ? `, to ${server.location}` : "";
  const asked = server.transport === "ws" ? "the handshake of a WebSocket" : "a run's input";
  const what = redirect ? `it answered ${status} and leads elsewhere${to}` : `it answered ${status} to ${asked}`;
  return verdict("unknown", "wrong-endpoint", noStream(what), rows);
}

function noStream(what: string): string {
  return `This is not an endpoint that streams: ${what}.`;
}

function rowsOf(server: ServerEvidence): Rows {
  const { url, transport, status, headers, body = "", sluice, location } = server;
  const answered = [status, headers["content-type"]].filter((part) => part !== undefined).join(" ");
  const rows: Rows = [[`${transport === "ws" ? "WebSocket" : "POST"} ${url}`, answered || "opened"]];
  if (location) rows.push(["it leads to", location]);
  if (body !== "") rows.push(["it said", body.replace(/\s+/g, " ").slice(0, 120)]);
  if (sluice && sluice !== url) rows.push(["a Sluice streams at", sluice]);
  if (server.agents) rows.push(["its agents", server.agents.join(", ")]);
  return rows;
}

/** Events came, but not in the form that frontends read. */
export function wrongForm(
  { delivered }: Evidence,
  { headers, framing, transport }: ServerEvidence,
): Verdict | undefined {
  if (transport === "ws") return undefined;
  const type = headers["content-type"] ?? "nothing";
  const rows: Rows = [
    ["content-type", type],
    ["events", String(Object.values(delivered.counts).reduce((sum, count) => sum + count, 0))],
  ];
  if (framing === "lines") {
    const sentence = `The server sends its events as lines of JSON (${type}), and frontends read server-sent events.`;
    return verdict("fault", "wrong-content-type", sentence, rows);
  }
  if (/^text\/event-stream/i.test(type)) return undefined;
  const sentence = `The server sends server-sent events, and labels them ${type}: clients and proxies take that for one document.`;
  return verdict("fault", "wrong-content-type", sentence, rows);
}
