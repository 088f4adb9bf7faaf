/** `config/agents.json`: which agents are served, and how each differs from the settings. */
import { z } from "zod";
import { allowListSpec, expandEventPattern } from "../protocol/allow-list-spec.ts";
import { GRAPH_EVENT_NAMES, type GraphEventName } from "../protocol/graph-event.ts";
import { progressOption } from "../protocol/input.ts";
import { messageOf } from "../protocol/redact.ts";
import { ACCEPTABLE, isAcceptable } from "../protocol/steering.ts";
import { ConfigError } from "./config-error.ts";

const positiveSeconds = z.number().positive().max(86_400);

const AUDITED = /^(prompt|state|node|environment|configuration|tool-arguments|tool-results|error|error-details)(:.+)?$/;

const agent = z.strictObject({
  /** `<file>:<export>`, relative to the config file. */
  graph: z.string().min(1),
  description: z.string().default(""),
  /** First messages that a frontend may suggest, as the person would write them. */
  prompts: z.array(z.string().trim().min(1).max(500)).max(6).default([]),
  /** Narrows `STREAM_ALLOWED_EVENTS`: an allow-list, or the name of one under `filters`. */
  filter: z.union([z.string(), allowListSpec]).optional(),
  /** In seconds; what is absent is taken from the settings. */
  deadlines: z
    .strictObject({
      firstEventSeconds: positiveSeconds.optional(),
      idleSeconds: positiveSeconds.optional(),
      totalSeconds: positiveSeconds.optional(),
    })
    .default({}),
  /** The treatment of a start on a thread that is busy with another run. */
  whenBusy: z.enum(["reject", "enqueue", "interrupt"]).default("reject"),
  /** In seconds; what is absent is taken from the settings. */
  orphanGraceSeconds: z.number().min(0).max(86_400).optional(),
  detachedGraceSeconds: z.number().min(0).max(86_400).optional(),
  /**
   * If the process dies during a run, the next process continues the run. The node that was running runs again, so set
   * this only for graphs that allow it.
   */
  recover: z.boolean().default(false),
  /** Source of the graph's events; `direct` needs `STREAM_VERSION=v2`. */
  source: z.enum(["streamEvents", "direct"]).optional(),
  /**
   * `error`: a run fails when a model's stream ends without a reason. `mark`: the run ends normally and reports that
   * the answer is incomplete.
   */
  onCutAnswer: z.enum(["mark", "error"]).default("mark"),
  /** Bytes of tool-call arguments that one model call may stream: with each piece LangChain parses all of them again. */
  maxToolArgumentBytes: z.number().int().min(1_024).default(262_144),
  /** `true`, or a number of seconds: every run reports its progress, this often. */
  progress: progressOption.default(false),
  tokens: z.boolean().optional(),
  reasoning: z.boolean().default(true),
  /** Names of the tags, without brackets, whose content is reasoning. An empty list turns this off. */
  reasoningTags: z
    .array(z.string().regex(/^[\w-]+$/, "a tag's name is letters, digits, _ and -"))
    .default(["think", "thinking"]),
  /**
   * The messages that clients keep of a conversation. `sent`: all messages that were sent, except those that their run
   * took back. `state`: the messages in the graph's state.
   */
  transcript: z.enum(["sent", "state"]).default("sent"),
  /** Settings for the messages of single nodes, by the node's name or its path (`research/writer`). */
  nodes: z
    .record(
      z.string(),
      z.strictObject({
        tokens: z.boolean().optional(),
        reasoning: z.boolean().optional(),
        messages: z.boolean().optional(),
        /**
         * Given to the graph as `config.configurable.models[node]`. Bundled agents request this model from their
         * endpoint.
         */
        model: z.string().min(1).optional(),
      }),
    )
    .default({}),
  /** Values that the graph finds in `config.configurable`, beside those that Sluice itself puts there. */
  configurable: z
    .record(
      z
        .string()
        .regex(/^(?!thread_id$|checkpoint_|ag_ui$|models$|sluice$|__)/, "this name is taken by Sluice or LangGraph"),
      z.json(),
    )
    .default({}),
  /**
   * Values that the graph finds in its `runtime.context`, beside those of `configurable`; see LangGraph's
   * `contextSchema`.
   */
  context: z.record(z.string(), z.json()).default({}),
  /** Keys of `runtime.context` that clients may set, with `forwardedProps.context`. */
  clientContext: z.array(z.string().min(1)).default([]),
  /**
   * The ways in which clients of LangGraph's API may steer the graph, beside messages, answers and keys of `state` and
   * `clientContext`: `configurable.KEY`, `input.KEY` (a key of the graph's state), `context`, `metadata`, `goto`, `update`,
   * `interrupt_before`, `interrupt_after`, `checkpoint`. Everything else is refused.
   */
  accepts: z
    .array(
      z
        .string()
        .refine(isAcceptable, { error: `valid are ${ACCEPTABLE}; clients never set user, thread_id or checkpoint_ns` }),
    )
    .default([]),
  /**
   * The items in LangGraph's `store`, for a graph that was compiled without a store. `own`: the items of this agent.
   * `shared`: the items of all agents that share. `none`: there is no store, which avoids the cost of LangGraph's
   * polling.
   */
  store: z.enum(["own", "shared", "none"]).default("own"),
  /**
   * `ag-ui`: frontend tools and context are put into the graph's state too, where it has the keys `tools`, `copilotkit`
   * or `ag-ui`, as AG-UI's own adapter does.
   */
  compat: z.enum(["ag-ui", "none"]).default("ag-ui"),
  /** Events name the graph inside this one that they are of, and `SUBAGENT_*` events report when it begins and ends. */
  subagents: z.boolean().default(false),
  /** State keys that clients may see, and may send with a run. */
  state: z.array(z.string()).default([]),
  /** Dotted paths into `data` that the `langgraph` format may show, by event name. */
  graphFields: z
    .record(z.string(), z.array(z.string()))
    .default({})
    .superRefine((fields, context) => {
      for (const name of Object.keys(fields)) {
        if (name.includes("*") || expandEventPattern(name).length === 0) {
          context.addIssue({
            code: "custom",
            message: `unknown event "${name}"; valid are ${GRAPH_EVENT_NAMES.join(", ")}`,
          });
        }
      }
    })
    .transform((fields) => fields as Partial<Record<GraphEventName, string[]>>),
  /**
   * The values that `sluice audit` allows to leave: kinds such as `prompt`, or single ones, such as `state:plan`. By
   * default, errors' messages and the arguments and results of tools may leave.
   */
  audit: z
    .array(
      z
        .string()
        .regex(
          AUDITED,
          "a kind (prompt, state, node, environment, configuration, tool-arguments, tool-results, error), or a kind and a name, like state:plan",
        ),
    )
    .default(["tool-arguments", "tool-results", "error"]),
  /**
   * `legacy`: pages for LangGraph's earlier adapter get a question as a custom event `on_interrupt` with the graph's own
   * value, and answer it with `forwardedProps.command.resume`.
   */
  interrupts: z.enum(["standard", "legacy"]).default("standard"),
  /** Write the graph topic for every run, not only for those a `langgraph` socket started. */
  graphTopic: z.boolean().default(false),
});

export const agentName = z.string().regex(/^[\w-]+$/, "an agent's name is letters, digits, _ and -");

/** The schema of the whole file. */
export const agentsFile = z.strictObject({
  $schema: z.string().optional(),
  filters: z.record(z.string(), allowListSpec).default({}),
  /** The first agent is served when a client names no agent. */
  agents: z.record(agentName, agent),
});

export type AgentsFile = z.infer<typeof agentsFile>;
export type AgentEntry = AgentsFile["agents"][string];

/** The fields of an agent's entry beside its graph. */
export type AgentSettings = Omit<z.input<typeof agent>, "graph">;

/**
 * The agents in the text of an `agents.json`.
 * @throws ConfigError with one line: file, field, what is wrong.
 */
export function parseAgents(file: string, text: string): AgentsFile {
  return checkAgents(file, parseJson(file, text));
}

/**
 * The content of an `agents.json`, from a file or from code.
 * @throws ConfigError with one line: source, field, what is wrong.
 */
export function checkAgents(source: string, value: unknown): AgentsFile {
  const parsed = agentsFile.safeParse(value, { error: unknownKey });
  if (!parsed.success) throw new ConfigError(`${source}, ${explain(parsed.error)}`);
  const { agents, filters } = parsed.data;
  if (Object.keys(agents).length === 0) throw new ConfigError(`${source}, agents: name at least one agent.`);
  for (const [name, { filter }] of Object.entries(agents)) {
    if (typeof filter === "string" && !Object.hasOwn(filters, filter)) {
      const known = Object.keys(filters).join(", ") || "none";
      throw new ConfigError(`${source}, agents.${name}.filter: there is no filter "${filter}"; filters: ${known}.`);
    }
  }
  return parsed.data;
}

/** @throws ConfigError that names the file. */
export function parseJson(file: string, text: string): unknown {
  const json = text.replace(/^\uFEFF/, ""); // Some editors write a byte order mark at the beginning of a file.
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new ConfigError(`${file} is not JSON: line ${wrongLine(json)}: ${messageOf(error).replace(/\s+/g, " ")}`);
  }
}

/**
 * Returns the number of the wrong line, from 1. Node versions report it differently, so it is searched for: the first
 * line that no further text can make valid.
 */
function wrongLine(json: string): number {
  const lines = json.split("\n");
  const wrong = lines.findIndex((_, index) => !mayGoOn(`${lines.slice(0, index + 1).join("\n")}\n`));
  return wrong < 0 ? lines.length : wrong + 1;
}

/** Is `json` complete, or a valid beginning? In a valid beginning, the parser's error is at its end. */
function mayGoOn(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch (error) {
    const message = messageOf(error);
    const position = /at position (\d+)/.exec(message)?.[1];
    return position === undefined ? /end of JSON input/.test(message) : Number(position) >= json.length;
  }
}

/** Writes the message for an unknown key, which lists the valid keys. Other problems keep zod's message. */
function unknownKey(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "unrecognized_keys" || !(issue.inst instanceof z.ZodObject)) return undefined;
  const unknown = issue.keys.map((key) => JSON.stringify(key)).join(", ");
  return `unrecognized ${unknown}; valid are ${Object.keys(issue.inst.shape).join(", ")}`;
}

/** Describes the first problem: the field, and what is wrong. */
export function explain({ issues }: z.ZodError): string {
  const { path, message } = innermost(issues[0]);
  return `${path.join(".") || "top level"}: ${message}`;
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Finds the innermost issue. Zod wraps an issue if a key is wrong, or if no shape of a union fits. */
function innermost(issue: z.core.$ZodIssue | undefined): Problem {
  if (!issue) return { path: [], message: "not valid" };
  const [inner] = issue.code === "invalid_key" ? issue.issues : issue.code === "invalid_union" ? closest(issue) : [];
  if (!inner) return issue;
  const { path, message } = innermost(inner);
  return { path: [...issue.path, ...path], message };
}

/** Picks the shape that fits best: the first one whose problem is below the top level. */
function closest({ errors }: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] {
  return errors.find(([first]) => first !== undefined && first.path.length > 0) ?? [];
}

/** Returns the default settings of an agent, for a graph without an entry in agents.json. */
export function defaultAgent(graph: string): AgentEntry {
  return agent.parse({ graph });
}
