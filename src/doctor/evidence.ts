/**
 * The doctor's observations. Plain data, no texts of the conversation; every time is in milliseconds since the
 * question.
 */

/**
 * The trigger of code: bytes that arrived, a timer that fired, or another source (a thread, a child process, a file).
 */
export type Trigger = "network" | "timer" | "other";

/** A piece of text that came at once. */
export interface Piece {
  readonly at: number;
  readonly characters: number;
  readonly trigger?: Trigger | undefined;
  /** The turn of the event loop in which it came. */
  readonly turn?: number | undefined;
}

/** A text message as a client is sent it. */
export interface DeliveredMessage {
  readonly id: string;
  readonly pieces: Piece[];
  readonly startedAt: number;
  endedAt?: number;
  /** The server's own times of its start and end, if the events have them. */
  madeFrom?: number;
  madeTo?: number;
  /** For a graph that ran here: the graph event it was made of, and where that happened. */
  readonly source?: { readonly event: string; readonly runId: string; readonly node: string } | undefined;
  /** The model call, seen at its class, that gave this answer. */
  saidBy?: SeenCall;
}

/** The events of a run as a client is sent them. */
export interface Delivered {
  /** The number of events, by type; custom ones by name too, like `CUSTOM sluice.model_call`. */
  readonly counts: Record<string, number>;
  readonly messages: DeliveredMessage[];
  /**
   * Pieces of text, reasoning and tool arguments, which a reader sees grow. `span`: the message, reasoning or call of
   * the piece.
   */
  readonly tokens: { readonly at: number; readonly characters: number; readonly span: string }[];
  /** Characters of reasoning. */
  reasoning: number;
  /** Snapshots of messages or state that hold an assistant's text. */
  snapshots: number;
  /** When and how the run ended: the terminal event. */
  endedAt?: number;
  error?: { readonly code: string; readonly message: string };
  interrupted?: boolean;
}

/** A time in which this process's event loop stood still, and the part of it in which the process used the CPU. */
export interface Stall {
  readonly at: number;
  readonly ms: number;
  readonly busyMs: number;
}

/** The state in which the run was left. */
export type End =
  | { readonly kind: "ended" }
  | { readonly kind: "failed"; readonly message: string; readonly byModel: boolean }
  | { readonly kind: "timed-out" };

/** A run of one of the graph's nodes. */
export interface NodeRun {
  /** The path to it, like `research/writer`. */
  readonly path: string;
  readonly startedAt: number;
  endedAt?: number;
  /** Characters of the assistant's messages that it returned. */
  characters: number;
  /** The fields of those messages that only a model call leaves: `usage_metadata`, `response_metadata`. */
  marks: string[];
  /** The node returned the question too: a whole list of messages instead of one answer. */
  returnedQuestion: boolean;
  /** The node returned an iterator, as a generator function does, instead of an update. */
  isGenerator?: true;
}

/** A model call that LangGraph reported. */
export interface ModelCall {
  readonly runId: string;
  readonly node: string;
  readonly startedAt: number;
  endedAt?: number;
  /** Its chunks that had text. */
  readonly chunks: Piece[];
  /** Characters of its finished message. */
  characters: number;
  outputTokens?: number;
  /** Switches that its own description shows: `streaming: false`, `disableStreaming: true`. */
  readonly switches: readonly string[];
  /** The number of chunks that the allow-list refused, and the reason. */
  refused: number;
  refusedFor?: "name" | "place" | "nostream";
  /** Its chunks that had arguments of tools. */
  readonly argumentChunks: Piece[];
  /** It answered in JSON. */
  json?: true;
  /** LangChain's cache had the answer. */
  cached?: true;
  /** Why it failed. */
  failed?: string;
}

/** A model call as its class saw it, whether or not LangGraph reported it. */
export interface SeenCall {
  /** `streamEvents` is one without a version, which calls no callbacks. */
  readonly method: "invoke" | "stream" | "generate" | "streamEvents";
  readonly className: string;
  /** File, line and column of the call; `undefined` if the stack has only packages. */
  readonly place: string | undefined;
  /** The node it was made in, by LangChain's own context. */
  readonly node: string | undefined;
  /** `false`: made where the run's async context does not reach. */
  readonly inContext: boolean;
  /** It was made by another model. */
  readonly inside: boolean;
  /** The names of its callbacks; `undefined` if it got none. */
  readonly callbacks: readonly string[] | undefined;
  readonly startedAt: number;
  endedAt?: number;
  /** LangGraph's callbacks reached it, under this id. */
  runId?: string;
  /** Characters of its answer. */
  characters: number;
  failed?: string;
}

/** An HTTP exchange that this process made while the graph ran. */
export interface Exchange {
  /** Method and address, without its query. */
  readonly what: string;
  /** The node it was made in, by LangChain's own context; `undefined` where that was lost. */
  readonly node: string | undefined;
  /** `false`: made where the run's async context does not reach. */
  readonly inContext: boolean;
  readonly startedAt: number;
  status?: number;
  contentType?: string;
  /** When its body was complete, or it was given up. */
  endedAt?: number;
  /** It was given up before it was complete. */
  cut?: true;
  /** When bytes of the answer arrived. */
  readonly reads: number[];
}

/** A worker thread or child process that was started while the graph ran. */
export interface Helper {
  readonly kind: "worker thread" | "child process";
  readonly node: string | undefined;
  readonly at: number;
  /** File, line and column that started it. */
  readonly place?: string | undefined;
  /** This process stood still until the helper had ended. */
  readonly blocks?: boolean;
}

/** One text of the custom events of one name from one node. */
export interface CustomSeries {
  readonly name: string;
  /** The node it comes from. Empty if the event does not name it. */
  node: string;
  readonly pieces: Piece[];
  /** The pieces together are the text of the message that the node returned. */
  isAnswer: boolean;
}

/** Evidence that only a graph that runs in this process shows. */
export interface GraphEvidence {
  readonly nodes: NodeRun[];
  readonly modelCalls: ModelCall[];
  /** Model calls as their classes saw them. */
  readonly seenCalls: readonly SeenCall[];
  readonly exchanges: Exchange[];
  readonly helpers: Helper[];
  readonly customs: CustomSeries[];
  /** Times in which this process's event loop stood still. */
  readonly stalls: Stall[];
  /** Graph events that the allow-list refused, by name. */
  readonly refused: Record<string, number>;
  /** Nodes whose pieces the agent's settings put together. */
  readonly wholeNodes: readonly string[];
}

/** An event as it arrived from a server. */
export interface Arrival {
  readonly type: string;
  readonly at: number;
  /** The server's clock. */
  readonly made?: number | undefined;
}

/** Evidence that only a server shows. */
export interface ServerEvidence {
  /** The address that the question was sent to in the end. */
  readonly url: string;
  readonly transport: "sse" | "ws";
  /** `false`: no server answered; `why` is the reason. */
  readonly reached: boolean;
  readonly why?: string | undefined;
  readonly status?: number | undefined;
  readonly location?: string | undefined;
  /** The response's headers that say something about buffering. */
  readonly headers: Readonly<Record<string, string>>;
  /** The response's text, if it was no stream of events. At most 300 characters. */
  readonly body?: string | undefined;
  readonly arrivals: readonly Arrival[];
  /** The number of frames that were no AG-UI events, and the beginning of the first. */
  readonly foreign: number;
  /**
   * The form in which the events came: as server-sent events, as lines of JSON, as WebSocket frames; `none`: no event
   * came.
   */
  readonly framing: "sse" | "lines" | "frames" | "none";
  /** The streaming endpoint of a Sluice that was found there. */
  readonly sluice?: string | undefined;
  readonly agents?: readonly string[] | undefined;
  /** Graph events that the server's allow-list refused in this run, by name. */
  readonly refused?: Readonly<Record<string, number>> | undefined;
  /** The number of runs that were started: a second one is the same question over the WebSocket. */
  readonly runs: number;
  /** The same question over a WebSocket: from the first token to the last, in milliseconds. */
  readonly overWebSocketMs?: number | undefined;
  /** True if its answer came in portions there too. */
  readonly overWebSocketJumps?: boolean | undefined;
}

export interface Evidence {
  /** The graph or address that was examined, as it was given. */
  readonly target: string;
  readonly asked: {
    /** The most that the first token may take. */
    readonly firstTokenMs: number;
    readonly timeoutMs: number;
    /** Reasoning is expected, between these tags or in blocks of its own. */
    readonly expectReasoning: boolean;
    readonly reasoningTags: readonly string[];
  };
  readonly end: End;
  readonly totalMs: number;
  readonly delivered: Delivered;
  /** Tags of reasoning in the model's text, as far as it was seen. */
  readonly tags: { readonly opened: number; readonly closed: number };
  readonly graph?: GraphEvidence;
  readonly server?: ServerEvidence;
}
