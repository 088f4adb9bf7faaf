/** The figures of one run: how evenly its tokens arrived, its size, and the events that the allow-list refused. */
import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { base, threadId, transport } from "../state/session.ts";
import { tap } from "../state/tap.ts";
import { requestJson } from "../transport/http.ts";
import { count, size } from "../views/readable.ts";
import { save } from "./copy.ts";
import { jsonLines } from "./export.ts";
import { GapPlot } from "./gap-plot.tsx";
import type { Evenness } from "./gaps.ts";
import { fine } from "./precise.ts";
import { type RunRecord, runs } from "./runs.ts";
import { useNews } from "./use-news.ts";

/** The shortest time between two changes of the figures, in milliseconds. */
const DRAW_MS = 250;
/** The time between two requests for the refused events of an active run, in milliseconds. */
const ASK_MS = 2_000;

export function RunPanel() {
  useNews(DRAW_MS);
  const chosen = useSignal("");
  runs.update(tap);
  const run = runs.all.find(({ runId }) => runId === chosen.value) ?? runs.all.at(-1);
  return (
    <section class="run" aria-labelledby="run-heading">
      <div class="bar">
        <h3 id="run-heading">Tokens</h3>
        <select
          class="field"
          aria-label="Run"
          disabled={!run}
          value={run === runs.all.at(-1) ? "" : chosen}
          onChange={({ currentTarget }) => {
            chosen.value = currentTarget.value;
          }}
        >
          <option value="">{run ? "Latest run" : "No run yet"}</option>
          {runs.all
            .slice(0, -1)
            .reverse()
            .map(({ runId, events }) => (
              <option key={runId} value={runId}>
                {runId.slice(0, 8)}, {count(events, "event")}
              </option>
            ))}
        </select>
        <button type="button" class="button" disabled={!run} onClick={() => run && saveRun(run.runId)}>
          Save as JSONL
        </button>
      </div>
      {run ? <Figures run={run} /> : <p class="quiet">The timing of a run’s tokens is shown here.</p>}
      <Refused run={runs.all.at(-1)} />
    </section>
  );
}

function Figures({ run }: { readonly run: RunRecord }) {
  const { evenness, points } = run.gaps;
  const { firstTokenMs, p50, p95, longest, stalls, stallMs, exact } = evenness;
  const about = exact ? undefined : "Accurate to 1 %: there are too many gaps to keep all of them";
  return (
    <>
      <GapPlot evenness={evenness} points={points} />
      <p class="hidden">{inWords(evenness)}</p>
      <dl class="figures">
        <Figure name="First token" value={fine(firstTokenMs)} kind="first" />
        <Figure name="Gap p50" value={fine(p50)} kind="p50" title={about} />
        <Figure name="Gap p95" value={fine(p95)} kind="p95" title={about} />
        <Figure name="Longest" value={evenness.gaps > 0 ? fine(longest) : "–"} />
        <Figure name="Stalls" value={String(stalls)} kind="stall" title={`Gaps of more than ${fine(stallMs)}`} />
        <Figure name="Events" value={run.events.toLocaleString("en")} />
        <Figure name="Deltas" value={run.deltas.toLocaleString("en")} title="Pieces of text, reasoning and arguments" />
        <Figure name="Received" value={size(run.bytes)} />
      </dl>
    </>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly kind?: string;
  readonly title?: string | undefined;
}

function Figure({ name, value, kind, title }: FigureProps) {
  return (
    <div title={title}>
      <dt class={kind}>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function inWords({ firstTokenMs, gaps, p50, p95, longest, stalls, stallMs }: Evenness): string {
  const first = firstTokenMs === undefined ? "" : `The first token came after ${fine(firstTokenMs)}. `;
  if (gaps === 0) return `${first}There are no gaps between tokens yet.`;
  return `${first}${count(gaps, "gap")} between tokens: half of them within ${fine(p50)}, 95 % within ${fine(p95)}, the longest ${fine(longest)}. ${count(stalls, "stall")} of more than ${fine(stallMs)}.`;
}

type Counts = Readonly<Record<string, number>>;

function Refused({ run }: { readonly run: RunRecord | undefined }) {
  const [reported, setReported] = useState<{ runId: string; counts: Counts }>();
  const [line, thread] = [transport.value, threadId.value];
  const open = line?.state.value.status === "open";
  // The server does not know a thread without a run.
  const [runId, ended] = run?.threadId === thread ? [run.runId, run.ended] : [];
  useEffect(() => {
    if (!line || !open || !runId) return;
    let current = true;
    const ask = async () => {
      const counts = (await line.refused(thread)) ?? (await refusedOf(thread));
      if (current && counts) setReported({ runId, counts });
    };
    // If the server cannot be reached, the request is made again when it is back.
    const now = () => void ask().catch(() => {});
    now();
    const timer = ended ? undefined : setInterval(now, ASK_MS);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [line, open, thread, runId, ended]);
  if (!reported || reported.runId !== runId) return null;
  const names = Object.entries(reported.counts).sort(([, a], [, b]) => b - a);
  const sum = names.reduce((total, [, times]) => total + times, 0);
  return (
    <details class="refused">
      <summary>The allow-list refused {count(sum, "event")}</summary>
      <ul>
        {names.map(([name, times]) => (
          <li key={name}>
            <code>{name}</code> {times.toLocaleString("en")}
          </li>
        ))}
      </ul>
    </details>
  );
}

async function refusedOf(thread: string): Promise<Counts | undefined> {
  const url = new URL(`threads/${encodeURIComponent(thread)}`, base);
  return (await requestJson<{ refused?: Counts }>(url)).refused;
}

/** Saves the events of a run that have arrived, which may be more than was drawn. */
function saveRun(runId: string): void {
  runs.update(tap);
  const run = runs.all.find((one) => one.runId === runId);
  if (!run) return;
  const { from, to } = run;
  const received = Array.from({ length: to - from }, (_, index) => tap.at(from + index)).filter(
    (one) => one !== undefined,
  );
  save(`run-${runId.slice(0, 8)}.jsonl`, "application/jsonl", jsonLines(received, performance.timeOrigin));
}
