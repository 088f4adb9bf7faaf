/** Random but possible v2 event sequences: what a graph with parallel nodes, models and tools can really emit. */
import fc from "fast-check";
import { SluiceError } from "../../src/protocol/errors.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import type { RunEnd } from "../../src/translate/translator.ts";
import {
  ai,
  callPiece,
  custom,
  modelEnd,
  modelStart,
  nodeEnd,
  nodeStart,
  thought,
  token,
  toolEnd,
  toolError,
  toolMessage,
  toolStart,
  update,
} from "./events.ts";

/** One strand of events that come in this order; strands of a run interleave. */
type Strand = GraphEvent[];

const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", '"', "\\", "ü", "€", "🧵", "é"), maxLength: 8 });
const place = fc.constantFrom("plan", "write", "write#2", "sub", "sub/inner", "sub/inner/deep");
const tags = fc.constantFrom<string[]>([], [], ["x"], ["nostream"]);

type Piece =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string }
  | { kind: "call"; index: number; id: string | undefined; name: string | undefined; args: string };

const piece: fc.Arbitrary<Piece> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("text" as const), text }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reasoning" as const), text }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("call" as const),
      index: fc.nat(1),
      // Few ids, so that they meet.
      id: fc.constantFrom(undefined, "c0", "c0", "c1"),
      name: fc.constantFrom(undefined, "add", "sub"),
      args: fc.constantFrom("", "{", '"x":1', "}"),
    }),
  },
);

/** A model's run. Its message's id may be that of another. */
function modelStrand(run: string): fc.Arbitrary<Strand> {
  return fc
    .record({
      pieces: fc.array(piece, { minLength: 1, maxLength: 10, size: "max" }),
      node: place,
      tags,
      id: fc.constantFrom(`m-${run}`, "same", "same", undefined),
      streams: fc.constantFrom(true, true, true, false),
      ends: fc.boolean(),
    })
    .map(({ pieces, node, tags, id, streams, ends }) => {
      const where = { node, tags };
      const chunks = pieces.map((piece) => {
        if (piece.kind === "text") return token(run, { id, content: piece.text }, where);
        if (piece.kind === "reasoning") return thought(run, piece.text, where);
        const { kind: _, ...call } = piece;
        return callPiece(run, call, where);
      });
      const whole = pieces.map((piece) => (piece.kind === "text" ? piece.text : "")).join("");
      const end = ends ? [modelEnd(run, { id, content: whole }, where)] : [];
      return [modelStart(run, where), ...(streams ? chunks : []), ...end];
    });
}

function toolStrand(run: string): fc.Arbitrary<Strand> {
  return fc
    .record({
      call: fc.constantFrom(undefined, "c0", "c1", "c2"),
      node: place,
      outcome: fc.constantFrom("text", "message", "error", "none"),
    })
    .map(({ call, node, outcome }) => {
      const where = { node, ...(call ? { call } : {}) };
      const ends = {
        text: [toolEnd(run, "add", { sum: 1 }, where)],
        message: [toolEnd(run, "add", toolMessage(call ?? "c9", "1", `t-${run}`), where)],
        error: [toolError(run, "add", "no luck\n    at add (/srv/app.js:1:1)", where)],
        none: [],
      };
      return [toolStart(run, "add", { x: 1 }, where), ...ends[outcome as keyof typeof ends]];
    });
}

function nodeStrand(run: string): fc.Arbitrary<Strand> {
  return fc
    .record({ path: place, tags, ends: fc.boolean(), returned: fc.constantFrom(undefined, `n-${run}`, "same") })
    .map(({ path, tags, ends, returned }) => {
      const output = returned === undefined ? {} : update(ai(returned, `returned by ${run}`));
      return [nodeStart(path, { run, tags }), ...(ends ? [nodeEnd(path, { run, tags, output })] : [])];
    });
}

function customStrand(): fc.Arbitrary<Strand> {
  return fc.tuple(text, fc.jsonValue()).map(([name, value]) => [custom(name, value)]);
}

function interleaved(strands: readonly Strand[], picks: readonly number[]): GraphEvent[] {
  const waiting = strands.filter((strand) => strand.length > 0).map((strand) => [...strand]);
  const events: GraphEvent[] = [];
  for (let n = 0; waiting.length > 0; n += 1) {
    const at = (picks[n % picks.length] ?? 0) % waiting.length;
    const strand = waiting[at] as Strand;
    events.push(strand.shift() as GraphEvent);
    if (strand.length === 0) waiting.splice(at, 1);
  }
  return events;
}

export const graphEvents: fc.Arbitrary<GraphEvent[]> = fc
  .array(fc.constantFrom("model", "model", "model", "tool", "node", "node", "custom"), {
    minLength: 1,
    maxLength: 9,
    size: "max",
  })
  .chain((kinds) =>
    fc.tuple(
      fc.tuple(
        ...kinds.map((kind, n) => {
          if (kind === "model") return modelStrand(`${n}`);
          if (kind === "tool") return toolStrand(`${n}`);
          return kind === "node" ? nodeStrand(`${n}`) : customStrand();
        }),
      ),
      fc.array(fc.nat(8), { minLength: 1, maxLength: 40, size: "max" }),
    ),
  )
  .map(([strands, picks]) => interleaved(strands, picks));

export const runEnd: fc.Arbitrary<RunEnd> = fc.constantFrom<RunEnd>(
  { kind: "done" },
  { kind: "cancelled" },
  { kind: "interrupted", interrupts: [{ id: "i1", reason: "input_required" }] },
  { kind: "failed", error: new SluiceError("graph_error") },
);

/** Some of the events, up to a cut: a graph may stop anywhere. */
export const cutEvents: fc.Arbitrary<GraphEvent[]> = fc
  .tuple(graphEvents, fc.oneof(fc.constant(100), fc.nat(100)))
  .map(([events, percent]) => events.slice(0, Math.ceil((events.length * percent) / 100)));
