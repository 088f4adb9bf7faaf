import { framesTransport } from "./frames.ts";
import type { Transport, TransportKind } from "./transport.ts";

/**
 * Opens a line of a kind. The code of the rarely used kinds is loaded first. `agentName`: an agent for routes where any
 * agent is fine.
 */
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
