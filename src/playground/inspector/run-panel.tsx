/** One run in figures: how evenly its tokens came, how much it was, what the allow-list kept back. */
import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { base, threadId, transport } from "../state/session.ts";
import { tap } from "../state/tap.ts";
import { requestJson } from "../transport/http.ts";
import { save } from "./copy.ts";
import { jsonLines } from "./export.ts";
import { counted, duration, size } from "./figures.ts";
import { GapPlot } from "./gap-plot.tsx";
import type { Evenness } from "./gaps.ts";
import { type RunRecord, runs } from "./runs.ts";
import { useNews } from "./use-news.ts";

/** How often figures change, at most. */
const DRAW_MS = 250;
/** How often an active run is asked for what was refused. */
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
                {runId.slice(0, 8)}, {counted(events, "event")}
              </option>
            ))}
        </select>
        <button type="button" disabled={!run} onClick={() => run && saveRun(run)}>
          Save as JSONL
        </button>
      </div>
      {run ? <Figures run={run} /> : <p class="quiet">How evenly a run’s tokens come shows here.</p>}
      <Refused run={runs.all.at(-1)} />
    </section>
  );
}

function Figures({ run }: { readonly run: RunRecord }) {
  const { evenness, points } = run.gaps;
  const { firstTokenMs, p50, p95, longest, stalls, stallMs, exact } = evenness;
  const about = exact ? undefined : "Within 1 %: there are too many gaps to keep each";
  return (
    <>
      <GapPlot evenness={evenness} points={points} />
      <p class="visually-hidden">{inWords(evenness)}</p>
      <dl class="figures">
        <Figure name="First token" value={duration(firstTokenMs)} kind="first" />
        <Figure name="Gap p50" value={duration(p50)} kind="p50" title={about} />
        <Figure name="Gap p95" value={duration(p95)} kind="p95" title={about} />
        <Figure name="Longest" value={evenness.gaps > 0 ? duration(longest) : "–"} />
        <Figure name="Stalls" value={String(stalls)} kind="stall" title={`Gaps of more than ${duration(stallMs)}`} />
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
  const first = firstTokenMs === undefined ? "" : `The first token came after ${duration(firstTokenMs)}. `;
  if (gaps === 0) return `${first}There are no gaps between tokens yet.`;
  return `${first}${counted(gaps, "gap")} between tokens: half of them within ${duration(p50)}, 95 % within ${duration(p95)}, the longest ${duration(longest)}. ${counted(stalls, "stall", "No")} of more than ${duration(stallMs)}.`;
}

function Refused({ run }: { readonly run: RunRecord | undefined }) {
  const [refused, setRefused] = useState<Readonly<Record<string, number>>>();
  const [line, thread] = [transport.value, threadId.value];
  const ended = run?.ended ?? true;
  useEffect(() => {
    let current = true;
    const ask = async () => {
      if (!line || !thread) return;
      const told = await (line.state.peek().status === "open" ? line.refused(thread) : undefined);
      const counts = told ?? (await requestJson<{ refused?: Record<string, number> }>(threadUrl(thread))).refused;
      if (current) setRefused(counts);
    };
    // A thread that has not begun is unknown to the server, and a server that is gone says nothing.
    const now = () => void ask().catch(() => current && setRefused(undefined));
    now();
    const timer = ended ? undefined : setInterval(now, ASK_MS);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [line, thread, run?.runId, ended]);
  const names = Object.entries(refused ?? {}).sort(([, a], [, b]) => b - a);
  const sum = names.reduce((total, [, count]) => total + count, 0);
  if (!refused) return null;
  return (
    <details class="refused">
      <summary>The allow-list refused {counted(sum, "event")}</summary>
      <ul>
        {names.map(([name, count]) => (
          <li key={name}>
            <code>{name}</code> {count.toLocaleString("en")}
          </li>
        ))}
      </ul>
    </details>
  );
}

function threadUrl(id: string): URL {
  return new URL(`threads/${encodeURIComponent(id)}`, base);
}

function saveRun({ runId, from, to }: RunRecord): void {
  const received = Array.from({ length: to - from }, (_, index) => tap.at(from + index)).filter(
    (one) => one !== undefined,
  );
  save(`run-${runId.slice(0, 8)}.jsonl`, "application/jsonl", jsonLines(received, performance.timeOrigin));
}
