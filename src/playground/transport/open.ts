import { framesTransport } from "./frames.ts";
import type { Transport, TransportKind } from "./transport.ts";

/** A line of the kind; those that few choose are fetched first. `agentName`: whose routes to use where any will do. */
export async function openTransport(kind: TransportKind, base: URL, agentName: () => string): Promise<Transport> {
  switch (kind) {
    case "frames":
      return framesTransport(base);
    case "bare":
      return (await import("../seldom.ts")).bareTransport(base, agentName);
    case "sse":
      return (await import("../seldom.ts")).sseTransport(base);
  }
}
