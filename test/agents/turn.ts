import { AIMessageChunk, HumanMessage } from "@langchain/core/messages";
import type { StreamEvent } from "@langchain/core/types/stream";
import { MemorySaver } from "@langchain/langgraph";
import { assistant } from "../../src/agents/assistant.ts";
import { DemoChatModel, type DemoChatModelOptions } from "../../src/agents/models/demo.ts";

/** No delays, and no timers at all. */
export const INSTANT = {
  firstTokenMs: 0,
  tokensPerSecond: 0,
  sleep: () => Promise.reject(new Error("a timer was used")),
} satisfies DemoChatModelOptions;

export const DOCUMENTS = [
  {
    source: "GUIDE.md",
    text: [
      "# Guide",
      "Welcome.",
      "## Resuming a run",
      "Open the socket again with the last cursor you have seen.",
      "```sh",
      "# resume resume resume",
      "```",
      "## The allow-list",
      "It decides which graph events may leave.",
    ].join("\n"),
  },
];

export function demoAssistant(options: DemoChatModelOptions = INSTANT) {
  return assistant({ model: new DemoChatModel(options), checkpointer: new MemorySaver(), documents: DOCUMENTS });
}

type Assistant = ReturnType<typeof demoAssistant>;

/** The part of AG-UI's run input that a client offers to the graph. */
export interface Offered {
  tools?: { name: string; description: string; parameters?: Record<string, unknown> }[];
  context?: { description: string; value: string }[];
}

/** The result of one run of a graph, read from its events. */
export class Turn {
  readonly events: StreamEvent[] = [];

  named(event: string): StreamEvent[] {
    return this.events.filter((candidate) => candidate.event === event);
  }

  /** The chunks of each call of the model, in order. */
  get messages(): AIMessageChunk[][] {
    const byRun = new Map<string, AIMessageChunk[]>();
    for (const { run_id, data } of this.named("on_chat_model_stream")) {
      if (!AIMessageChunk.isInstance(data.chunk)) throw new Error("not a chunk of an AI message");
      byRun.set(run_id, [...(byRun.get(run_id) ?? []), data.chunk]);
    }
    return [...byRun.values()];
  }

  /** The whole messages of the model, in order. */
  get wholes(): AIMessageChunk[] {
    return this.messages.map((chunks) => chunks.reduce((whole, chunk) => whole.concat(chunk)));
  }

  get answer(): string {
    return this.wholes.at(-1)?.text ?? "";
  }
}

interface TakeOptions {
  signal?: AbortSignal;
  onEvent?: (event: StreamEvent, turn: Turn) => void;
  offered?: Offered;
}

/** Sends a message to the assistant or resumes it, and waits for the end of the run. */
export async function take(
  graph: Assistant,
  input: string | Parameters<Assistant["streamEvents"]>[0],
  { signal, onEvent, offered }: TakeOptions = {},
): Promise<Turn> {
  const turn = new Turn();
  const events = graph.streamEvents(typeof input === "string" ? { messages: [new HumanMessage(input)] } : input, {
    version: "v2",
    configurable: { thread_id: "t", ...(offered && { ag_ui: offered }) },
    ...(signal && { signal }),
  });
  for await (const event of events) {
    turn.events.push(event);
    onEvent?.(event, turn);
  }
  return turn;
}
