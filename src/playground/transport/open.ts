import { bareTransport } from "./bare.ts";
import { framesTransport } from "./frames.ts";
import { sseTransport } from "./sse.ts";
import type { Transport, TransportKind } from "./transport.ts";

/** A line of the kind. `agentName`: whose routes to use where one has to be named and any will do. */
export function openTransport(kind: TransportKind, base: URL, agentName: () => string): Transport {
  switch (kind) {
    case "frames":
      return framesTransport(base);
    case "bare":
      return bareTransport(base, agentName);
    case "sse":
      return sseTransport(base);
  }
}
