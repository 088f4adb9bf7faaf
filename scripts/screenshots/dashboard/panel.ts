/** Draws one panel of a Grafana dashboard as SVG, from the results of its queries. */

export interface Panel {
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults?: { readonly unit?: string } };
  readonly targets: readonly { readonly expr: string; readonly legendFormat?: string }[];
}

export interface Series {
  readonly name: string;
  /** Seconds since the Unix epoch, and the value. */
  readonly points: readonly (readonly [at: number, value: number])[];
}

const WIDTH = 440;
const LEFT = 58;
const RIGHT = 8;
const TOP = 8;
const PLOT = 122;
const LINE = 14;
/** The most series in the legend. Further series are only drawn. */
const LEGEND = 6;
const COLOURS = ["#3274d9", "#e0752d", "#37872d", "#c4162a", "#8f3bb8", "#b58900", "#0a8a8a", "#d6438a"];

export function drawPanel({ title, fieldConfig }: Panel, series: readonly Series[], from: number, to: number): string {
  const most = Math.max(...series.flatMap(({ points }) => points.map(([, value]) => value)), 0);
  const { step, top } = scale(most);
  const unit = fieldConfig?.defaults?.unit ?? "short";
  const x = (at: number) => LEFT + ((at - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => TOP + PLOT - (value / top) * PLOT;
  const grid = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step).map(
    (value) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" class="grid"/>` +
      `<text x="${LEFT - 6}" y="${y(value) + 3.5}" text-anchor="end">${withUnit(value, unit)}</text>`,
  );
  const times = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const seconds = Math.round(share * (to - from));
    const label = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const anchor = share === 1 ? "end" : "middle";
    return `<text x="${x(from + seconds)}" y="${TOP + PLOT + 14}" text-anchor="${anchor}">${label}</text>`;
  });
  const lines = series.map(({ points }, index) => {
    const path = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    return `<polyline points="${path}" stroke="${colourOf(index)}"/>`;
  });
  const legend = series.slice(0, LEGEND).map(({ name }, index) => {
    const [column, row] = [index % 2, Math.floor(index / 2)];
    const [left, line] = [LEFT + column * 186, TOP + PLOT + 32 + row * LINE];
    return (
      `<rect x="${left}" y="${line - 6}" width="10" height="3" fill="${colourOf(index)}"/>` +
      `<text x="${left + 14}" y="${line}">${escaped(shortened(name))}</text>`
    );
  });
  const more = series.length > LEGEND ? ` (${series.length} lines)` : "";
  const parts = [...grid, ...times, ...lines, ...legend].join("");
  const height = TOP + PLOT + 26 + Math.ceil(Math.min(series.length, LEGEND) / 2) * LINE;
  return `<h2>${escaped(title)}<small>${more}</small></h2><svg width="${WIDTH}" height="${height}">${parts}</svg>`;
}

/** Returns a scale of three to six steps up to at least `most`. A step is 1, 2 or 5 times a power of ten. */
function scale(most: number): { readonly step: number; readonly top: number } {
  const raw = (most || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10) * power;
  return { step, top: Math.ceil((most || 1) / step) * step };
}

/** Formats a value as Grafana does, for the units of the dashboard. */
function withUnit(value: number, unit: string): string {
  const number = (size: number) => String(Number(size.toPrecision(3)));
  switch (unit) {
    case "ops":
      return `${number(value)}/s`;
    case "s":
      if (value === 0) return "0 s";
      if (value < 0.001) return `${number(value * 1e6)} µs`;
      return value < 1 ? `${number(value * 1_000)} ms` : `${number(value)} s`;
    case "bytes":
      if (value < 1_024) return `${number(value)} B`;
      return value < 1_024 ** 2 ? `${number(value / 1_024)} KiB` : `${number(value / 1_024 ** 2)} MiB`;
    case "percentunit":
      return `${number(value * 100)}%`;
    default:
      return value < 1_000 ? number(value) : `${number(value / 1_000)} K`;
  }
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? "black";
}

function shortened(name: string): string {
  return name.length > 28 ? `${name.slice(0, 27)}…` : name;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
