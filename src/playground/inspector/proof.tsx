import { useEffect, useState } from "preact/hooks";
import type { Message } from "../../protocol/events.ts";
import { base } from "../state/session.ts";
import { tap } from "../state/tap.ts";
import { requestJson } from "../transport/http.ts";
import type { Resume } from "../transport/transport.ts";
import { compared, textsReceived } from "./received.ts";
import { type RunRecord, runs } from "./runs.ts";
import { useNews } from "./use-news.ts";

/** Shows whether this page has the text that the server keeps. Appears after the resumed run has ended. */
export function Proof({ resume }: { readonly resume: Resume }) {
  useNews(250);
  const [found, setFound] = useState("");
  runs.update(tap);
  const run = runs.all.at(-1);
  const over = run?.ended && (tap.at(run.to - 1)?.at ?? 0) > resume.at ? run : undefined;
  useEffect(() => {
    setFound("");
    if (!over) return;
    let current = true;
    finding(over).then(
      (text) => current && setFound(text),
      () => current && setFound("The server did not send its messages, so the text could not be compared."),
    );
    return () => {
      current = false;
    };
  }, [over?.runId, resume]);
  return found ? <p>{found}</p> : null;
}

async function finding({ threadId, from, to }: RunRecord): Promise<string> {
  const url = new URL(`threads/${encodeURIComponent(threadId)}/messages`, base);
  const { messages } = await requestJson<{ messages: readonly Message[] }>(url);
  const { characters, different } = compared(textsReceived(eventsBetween(from, to)), messages);
  if (different > 0) return `${different} of its messages differ from those on the server.`;
  return `The run is whole: its ${characters.toLocaleString("en")} characters are those that the server keeps.`;
}

function* eventsBetween(from: number, to: number) {
  for (let seq = from; seq < to; seq += 1) {
    const event = tap.at(seq)?.event;
    if (event) yield event;
  }
}
