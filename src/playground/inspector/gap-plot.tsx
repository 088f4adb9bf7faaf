import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { theme } from "../state/settings.ts";
import type { Evenness, Gap } from "./gaps.ts";

const HEIGHT = 100;
/** Shorter gaps are drawn with this length, because a logarithmic scale has no zero. */
const SHORTEST_MS = 0.1;

interface Props {
  readonly evenness: Evenness;
  readonly points: readonly Gap[];
}

/** Plots the gaps between tokens over the run's time. The text beside it says the same. */
export function GapPlot({ evenness, points }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useRef<uPlot.AlignedData>([[]]);
  data.current = aligned(evenness, points);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element), data.current, element);
    };
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    const dark = matchMedia("(prefers-color-scheme: dark)");
    resized.observe(element);
    dark.addEventListener("change", draw);
    // The plot reads its colours when it is made, so it is made again. The page has the new theme by the next frame.
    const unsubscribe = theme.subscribe(() => requestAnimationFrame(() => place.current && draw()));
    return () => {
      unsubscribe();
      dark.removeEventListener("change", draw);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(data.current));
  return <div class="plot" aria-hidden="true" ref={place} />;
}

/** Columns: seconds, gaps, stalls, the first token, p50, p95. */
function aligned({ firstTokenMs, p50, p95, stallMs }: Evenness, points: readonly Gap[]): uPlot.AlignedData {
  const first = firstTokenMs === undefined ? [] : [{ t: firstTokenMs, ms: firstTokenMs }];
  const all = [...first, ...points];
  const begun = first.length;
  const gap = (ms: number, index: number, stalled: boolean) =>
    index >= begun && ms > stallMs === stalled ? Math.max(ms, SHORTEST_MS) : null;
  const level = (value: number | undefined) =>
    all.map(() => (value === undefined ? null : Math.max(value, SHORTEST_MS)));
  return [
    all.map(({ t }) => t / 1_000),
    all.map(({ ms }, index) => gap(ms, index, false)),
    all.map(({ ms }, index) => gap(ms, index, true)),
    all.map(({ ms }, index) => (index < begun ? Math.max(ms, SHORTEST_MS) : null)),
    level(p50),
    level(p95),
  ];
}

function options(element: HTMLElement): uPlot.Options {
  const probe = element.appendChild(document.createElement("span"));
  const style = getComputedStyle(probe);
  // A canvas does not know custom properties, so each colour is read from an element.
  const colour = (name: string) => {
    probe.className = name;
    return style.color;
  };
  const font = `11px ${style.fontFamily}`;
  const axis = { stroke: colour("axis"), font, grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false } };
  const dots = (name: string, size: number): uPlot.Series => ({
    paths: () => null,
    points: { show: true, size, width: 0, fill: colour(name), stroke: colour(name) },
  });
  const level = (name: string): uPlot.Series => ({
    stroke: colour(name),
    width: 1.5,
    dash: [6, 4],
    points: { show: false },
  });
  const made: uPlot.Options = {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: (_, __, max) => [0, Math.max(max, 1)] },
      y: { distr: 3, range: (_, min, max) => (max > 0 ? uPlot.rangeLog(min, max, 10, true) : [1, 1_000]) },
    },
    axes: [
      { ...axis, size: 24, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
      {
        ...axis,
        size: 54,
        grid: { ...axis.grid, filter: powersOfTen },
        filter: powersOfTen,
        values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick))),
      },
    ],
    series: [{}, dots("gap", 3), dots("stall", 7), dots("first", 8), level("p50"), level("p95")],
  };
  probe.remove();
  return made;
}

function powersOfTen(_: uPlot, ticks: readonly number[]): (number | null)[] {
  return ticks.map((tick) => (Number.isInteger(Math.log10(tick)) ? tick : null));
}

function short(ms: number): string {
  return ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`;
}
