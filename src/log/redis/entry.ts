/** An entry as two fields of a Redis stream: its attributes, and its JSON unchanged. */
import type { LogEntry, NewEntry, Provenance } from "../log.ts";

type About = [LogEntry["type"], string, string | 0, LogEntry["edge"], Provenance | 0];

export function toFields({ json, type, runId, span, edge, provenance }: NewEntry): [of: string, json: string] {
  const about: About = [type, runId, span ?? 0, edge, provenance ?? 0];
  return [JSON.stringify(about), json];
}

/** `id` is `offset-0`; `fields` are names and values in turn, as the stream returns them. */
export function fromFields(id: string, fields: readonly string[]): LogEntry {
  const [type, runId, span, edge, provenance] = JSON.parse(fields[1] ?? "") as About;
  return {
    json: fields[3] ?? "",
    type,
    runId,
    span: span === 0 ? undefined : span,
    edge,
    provenance: provenance === 0 ? undefined : withNode(provenance),
    offset: Number.parseInt(id, 10),
  };
}

/** JSON leaves out an undefined node. */
function withNode(provenance: Provenance): Provenance {
  return { ...provenance, node: provenance.node };
}
