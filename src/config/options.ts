/** The settings for an app that embeds Sluice: those of `.env.example`, in code and in camelCase. */
import { ConfigError } from "./config-error.ts";
import { readSettings, type Settings, settings } from "./settings.ts";

/**
 * Settings of `.env.example` that make sense inside another app, with the same defaults. `MAX_BODY_BYTES` there is
 * `maxBodyBytes` here. Values are numbers and arrays, not text.
 */
export interface SettingOptions {
  /** The version of LangGraph's `streamEvents`. Default `"v2"`; the names of `"v1"` are normalized to it. */
  readonly streamVersion?: "v2" | "v1" | undefined;
  /**
   * Source of a graph's events: `"direct"`, one callback handler on `graph.stream`, costs less. Default
   * `"streamEvents"`; an agent's `source` overrides it.
   */
  readonly streamSource?: "streamEvents" | "direct" | undefined;
  /** Names of graph events that may leave; wildcards such as `on_tool_*` work. Default `DEFAULT_ALLOWED_EVENTS`. */
  readonly streamAllowedEvents?: readonly string[] | undefined;
  /** `false`: each message leaves once, whole. Default `true`. */
  readonly streamTokens?: boolean | undefined;
  /**
   * Milliseconds that a piece of text may wait, so that several pieces are sent together; 0: it never waits. Default
   * `"auto"`: up to 20 while the process is busy, otherwise 0.
   */
  readonly coalesceMs?: number | "auto" | undefined;
  /** Seconds that a whole run may take. Default 60. */
  readonly streamTimeoutSeconds?: number | undefined;
  /** Seconds until a run's first model output, tool or custom event. Default 30. */
  readonly streamFirstEventTimeoutSeconds?: number | undefined;
  /** The most seconds between two graph events after that; paused while a tool runs. Default 30. */
  readonly streamIdleTimeoutSeconds?: number | undefined;
  /** `true`: LangGraph's own API is served at `/langgraph` below the base path, for its clients. Default `false`. */
  readonly langgraphApi?: boolean | undefined;
  /** `true`: the AI SDK's `useChat` finds its chat at `/ai-sdk/chat` below the base path. Default `false`. */
  readonly aiSdkApi?: boolean | undefined;
  /**
   * Websites that may connect besides those of the same host; a port may be `*`. Default: those of this machine. `[]`:
   * no others.
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Bytes of an HTTP body or a WebSocket message. Default 8388608: AG-UI clients send their whole history each turn. */
  readonly maxBodyBytes?: number | undefined;
  /** WebSockets open at once. Default 10000. */
  readonly maxSockets?: number | undefined;
  /** Runs active at once. Default 1000. */
  readonly maxActiveRuns?: number | undefined;
  /**
   * The most threads that are kept, if threads are only in memory. The thread that was unused for longest is dropped
   * first. Default 10000.
   */
  readonly maxThreads?: number | undefined;
  /** Days after which a thread that nobody used is deleted for good. Default 0: never. */
  readonly threadRetentionDays?: number | undefined;
  /**
   * The proxies whose `X-Forwarded-For` is trusted: their number, or addresses and networks such as `"10.0.0.0/8"`.
   * Default `undefined`: none, a client's address is that of its connection.
   */
  readonly trustProxy?: number | readonly string[] | undefined;
  /** Runs that one client may start a minute: a principal, else an address. Default 120. */
  readonly maxRunsPerMinute?: number | undefined;
  /** Runs of one client that may be active at once. Default 20. */
  readonly maxClientRuns?: number | undefined;
  /** WebSockets that one client may have open. Default 100. */
  readonly maxClientSockets?: number | undefined;
  /** Threads that one client may follow at once. Default 1000. */
  readonly maxClientSubscriptions?: number | undefined;
  /**
   * Requests of one client a minute, and as many WebSocket messages and pings. Each 64 KiB of a body or a message count
   * as one more. Default 3000.
   */
  readonly maxRequestsPerMinute?: number | undefined;
  /** WebSockets that one address may open a minute. Default 600. */
  readonly maxHandshakesPerMinute?: number | undefined;
  /** Refused sign-ins of one address a minute. Default 20. */
  readonly maxFailedSignInsPerMinute?: number | undefined;
  /** Messages that come with one run. Default 10000. */
  readonly maxInputMessages?: number | undefined;
  /** Values in one piece of JSON that a client sends. Default 200000. */
  readonly maxInputNodes?: number | undefined;
  /** Tokens that the models of one run may give. Default 1000000. */
  readonly maxRunTokens?: number | undefined;
  /** Bytes of tool-call arguments that the models of one run may give. Default 4194304. */
  readonly maxRunArgumentBytes?: number | undefined;
  /** Bytes of text or of a value in one event: longer text is sent in several, and larger values are cut. Default 262144. */
  readonly maxEventBytes?: number | undefined;
  /**
   * Bytes of memory for this process. Above 80 % of it runs and WebSockets are refused, above 90 % the slowest readers
   * are cut. Default 0: the memory of its container or machine.
   */
  readonly maxMemoryBytes?: number | undefined;
  /** Seconds between two keep-alives; a WebSocket that misses one is cut. Default 15. */
  readonly heartbeatSeconds?: number | undefined;
  /** Seconds that a client has to catch up when it does not read, before it is cut. Default 30. */
  readonly slowConsumerSeconds?: number | undefined;
  /** Seconds that a run goes on after its last reader has left. Default 5. */
  readonly orphanGraceSeconds?: number | undefined;
  /**
   * Seconds that a run goes on after its last reader has left, if its client uses the frames format and can reconnect.
   * Default 300.
   */
  readonly detachedGraceSeconds?: number | undefined;
  /** Seconds that active runs may go on after `close()`. Default 30. */
  readonly drainSeconds?: number | undefined;
  /** Events kept of each topic. Default 10000. */
  readonly logMaxEvents?: number | undefined;
  /** Bytes kept of each topic. Default 8388608. */
  readonly logMaxBytes?: number | undefined;
  /** Bytes kept of all topics together. Default 536870912. */
  readonly logMaxTotalBytes?: number | undefined;
  /** Seconds that events are kept after a topic's last one. Default 600. */
  readonly logRetentionSeconds?: number | undefined;
  /** Spans for OpenTelemetry hold prompts, answers, and the arguments and results of tools. Default false. */
  readonly traceContent?: boolean | undefined;
}

/** Settings that the host app decides itself, or sets in another way in code. */
const ELSEWHERE: readonly string[] = [
  "HOST",
  "ALLOWED_HOSTS",
  "PORT",
  "ALLOW_ANONYMOUS",
  "AUTH",
  "API_KEYS",
  "JWT_JWKS_URL",
  "JWT_SECRET",
  "JWT_PUBLIC_KEY",
  "JWT_ISSUER",
  "JWT_AUDIENCE",
  "JWT_ALGORITHMS",
  "JWT_CLOCK_SKEW_SECONDS",
  "JWT_CLAIMS",
  "LOG_LEVEL",
  "CONFIG_DIR",
  "DATA_DIR",
  "DATABASE_URL",
  "PLAYGROUND",
  "KNOWLEDGE_DIR",
  "MODEL",
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "OPENAI_MODEL",
  "DEMO_FIRST_TOKEN_MS",
  "DEMO_TOKENS_PER_SECOND",
  "DEMO_JITTER",
  "REDIS_URL",
  "REDIS_PREFIX",
  "METRICS_PORT",
  "METRICS_TOKEN",
  "LANGSMITH_TRACING",
] satisfies (keyof Settings)[];

/** The names of settings, by the names of their options. */
export const SETTING_OPTIONS: ReadonlyMap<string, keyof Settings> = new Map(
  settings
    .keyof()
    .options.filter((name) => !ELSEWHERE.includes(name))
    .map((name) => [optionName(name), name]),
);

/**
 * Makes settings from `options`. Nothing is read from the environment.
 * @throws ConfigError with one line that names the option.
 */
export function settingsFrom(options: SettingOptions): Readonly<Settings> {
  const env: Record<string, string> = {};
  const empty: Record<string, readonly string[]> = {};
  const defaults = readSettings({});
  for (const [option, value] of Object.entries(options) as [string, unknown][]) {
    const name = SETTING_OPTIONS.get(option);
    if (!name)
      throw new ConfigError(`There is no option "${option}". Settings: ${[...SETTING_OPTIONS.keys()].join(", ")}.`);
    if (value === undefined) continue;
    // In the environment an empty list means the default. Here it was written on purpose, so it stays empty.
    if (!Array.isArray(value) || value.length > 0) env[name] = String(value);
    else if (Array.isArray(defaults[name])) empty[name] = [];
    else env[name] = "[]"; // This setting is not a list. Its schema refuses this value, and the error says what is valid.
  }
  return Object.freeze({ ...readSettings(env, optionName), ...empty });
}

/** The name in code of a setting. */
export function optionName(name: string): string {
  return name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
