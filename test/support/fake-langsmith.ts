/** A LangSmith endpoint that accepts traces, or hangs. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** One traced run, combined from all posts about it. */
export interface TracedRun {
  readonly id: string;
  readonly name: string;
  readonly run_type: string;
  readonly parent_run_id?: string;
  readonly extra: { metadata: Record<string, unknown> };
  readonly outputs?: unknown;
}

export interface FakeLangSmith {
  readonly url: string;
  /** Resolves with the first request, of any kind. */
  readonly asked: Promise<void>;
  /** Resolves with the traced runs as soon as they pass the test. */
  until(test: (runs: TracedRun[]) => boolean): Promise<TracedRun[]>;
  /** Refuses every later request for good, so that LangSmith's client does not send it again. */
  refuse(): void;
  close(): Promise<void>;
}

/** Starts the endpoint. `hangs`: it accepts connections and reads requests, but never answers. */
export async function fakeLangSmith({ hangs = false } = {}): Promise<FakeLangSmith> {
  const runs = new Map<string, Record<string, unknown>>();
  const waiting = new Set<() => void>();
  let refuses = false;
  let ask = () => {};
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const server = createServer(async (request, response) => {
    ask();
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // The traced process ended while it was sending.
    }
    if (hangs) return;
    if (refuses) {
      response.writeHead(403).end();
      return;
    }
    for (const [id, fields] of parts(Buffer.concat(chunks).toString())) runs.set(id, { ...runs.get(id), ...fields });
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
    for (const look of waiting) look();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    refuse() {
      refuses = true;
    },
    until: (test) =>
      new Promise((resolve) => {
        const look = () => {
          const found = [...runs.values()] as unknown as TracedRun[];
          if (!test(found)) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Multipart parts are named `post.<run>` or `patch.<run>` for the run itself; a big field adds `.<field>`. */
function parts(body: string): [id: string, fields: Record<string, unknown>][] {
  return [...body.matchAll(/name="(?:post|patch)\.([\w-]+)(?:\.(\w+))?".*?\r\n\r\n(.*?)\r\n--/gs)].map(
    ([, id = "", field, json = "null"]) => {
      const value = JSON.parse(json) as Record<string, unknown>;
      return [id, field === undefined ? value : { [field]: value }];
    },
  );
}
