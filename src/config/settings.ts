/** Every setting: its name in the environment, its default, and what is valid. The only reader of `process.env`. */
import { isIP } from "node:net";
import { z } from "zod";
import { expandEventPattern, splitEvents, unknownEvent } from "../protocol/allow-list-spec.ts";
import { DEFAULT_ALLOWED_EVENTS } from "../protocol/graph-event.ts";
import { messageOf } from "../protocol/redact.ts";
import { checkAuth } from "./auth.ts";
import { ConfigError } from "./config-error.ts";
import { type ApiKey, parseApiKey } from "./keys.ts";

const text = z.string().trim();
const optionalText = text.transform((value) => value || undefined).optional();

/** A number in the given unit. An empty value means the default, as if the line were not there. */
function number(fallback: number, min: number, max: number, whole = true) {
  const valid = `expected a ${whole ? "whole " : ""}number from ${min} to ${max}`;
  return text.default("").transform((value, context) => {
    const parsed = value === "" ? fallback : Number(value);
    if (Number.isFinite(parsed) && parsed >= min && parsed <= max && (!whole || Number.isInteger(parsed)))
      return parsed;
    context.addIssue({ code: "custom", message: valid });
    return z.NEVER;
  });
}

function choice<const T extends string>(fallback: T, ...others: T[]) {
  const valid = [fallback, ...others];
  return text.default("").transform((value, context) => {
    const found = value === "" ? fallback : valid.find((name) => name.toLowerCase() === value.toLowerCase());
    if (found) return found;
    context.addIssue({ code: "custom", message: `expected ${valid.join(" or ")}` });
    return z.NEVER;
  });
}

/** A number as above, or `auto`, which is the default. */
function automatic(min: number, max: number) {
  const given = number(min, min, max, false);
  return text.default("").transform((value, context) => {
    if (value === "" || value.toLowerCase() === "auto") return "auto" as const;
    const { data, success } = given.safeParse(value);
    if (success) return data;
    context.addIssue({ code: "custom", message: `expected auto, or a number from ${min} to ${max}` });
    return z.NEVER;
  });
}

const flag = (fallback: "true" | "false") =>
  choice(fallback, fallback === "true" ? "false" : "true").transform((value) => value === "true");

/** A TCP port; an empty value means none. */
const optionalPort = text.default("").transform((value, context) => {
  if (value === "") return undefined;
  const port = Number(value);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  context.addIssue({ code: "custom", message: "expected a whole number from 1 to 65535, or empty" });
  return z.NEVER;
});

/** A number of proxies, or their addresses and networks. */
const trustedProxies = text.default("").transform((value, context) => {
  if (value === "") return undefined;
  if (/^\d$/.test(value)) return { hops: Number(value) };
  const networks = splitEvents(value);
  if (networks.every(isNetwork)) return { networks };
  const message =
    "expected a number of proxies from 0 to 9, or addresses and networks like 10.0.0.0/8, comma separated";
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

function isNetwork(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const bits = isIP(address) === 4 ? 32 : 128;
  return (
    isIP(address) !== 0 && rest.length === 0 && (prefix === undefined || (/^\d+$/.test(prefix) && +prefix <= bits))
  );
}

const seconds = (fallback: number, max = 86_400) => number(fallback, 0.001, max, false);

const events = text.default("").transform((value, context) => {
  const patterns = splitEvents(value);
  if (patterns.length === 0) return [...DEFAULT_ALLOWED_EVENTS];
  for (const pattern of patterns) {
    if (expandEventPattern(pattern).length > 0) continue;
    context.addIssue({ code: "custom", message: unknownEvent(pattern) });
  }
  return patterns;
});

const DEFAULT_ORIGINS = "http://localhost:*,http://127.0.0.1:*,http://[::1]:*";

const origins = text.default("").transform((value, context) => {
  const list = splitEvents(value || DEFAULT_ORIGINS);
  for (const origin of list) {
    if (/^(\*|https?:\/\/(\[[\da-f:]+\]|[\w.-]+)(:(\d+|\*))?)$/i.test(origin)) continue;
    context.addIssue({
      code: "custom",
      message: `"${origin}" is not an origin like https://example.com or http://localhost:*`,
    });
  }
  return list;
});

const url = optionalText.refine(
  (value) => value === undefined || URL.canParse(value),
  "expected a URL like https://host/v1",
);

const hosts = text.default("").transform((value, context) => {
  const list = splitEvents(value);
  for (const host of list) {
    if (/^(\*|\[[\da-f:]+\]|[\w.-]+)$/i.test(host)) continue;
    context.addIssue({
      code: "custom",
      message: `"${host}" is not a host name like chat.example.com, without scheme and port`,
    });
  }
  return list;
});

const apiKeys = text.default("").transform((value, context): readonly ApiKey[] => {
  try {
    return splitEvents(value).map(parseApiKey);
  } catch (error) {
    context.addIssue({ code: "custom", message: messageOf(error) });
    return z.NEVER;
  }
});

/** The environment as Sluice reads it. The order is that of `.env.example`. */
export const settings = z.object({
  HOST: text.default("").transform((value) => value || "127.0.0.1"),
  PORT: number(8123, 0, 65_535),
  ALLOW_ANONYMOUS: flag("false"),
  AUTH: choice("none", "api-key", "jwt"),
  API_KEYS: apiKeys,
  JWT_JWKS_URL: url,
  JWT_SECRET: optionalText.refine(
    (value) => value === undefined || value.length >= 32,
    "expected 32 characters or more",
  ),
  JWT_PUBLIC_KEY: optionalText,
  JWT_ISSUER: optionalText,
  JWT_AUDIENCE: optionalText,
  JWT_ALGORITHMS: text.default("").transform(splitEvents),
  JWT_CLOCK_SKEW_SECONDS: number(30, 0, 300),
  JWT_CLAIMS: text.default("").transform(splitEvents),
  LOG_LEVEL: choice("info", "fatal", "error", "warn", "debug", "trace", "silent"),
  CONFIG_DIR: optionalText,
  DATA_DIR: text.default("").transform((value) => value || "./data"),
  DATABASE_URL: optionalText.refine(
    (value) => value === undefined || (/^postgres(ql)?:\/\/./.test(value) && URL.canParse(value)),
    "expected a URL like postgres://user:password@host:5432/database",
  ),
  KNOWLEDGE_DIR: optionalText,
  PLAYGROUND: flag("true"),

  MODEL: choice("auto", "openai", "demo"),
  OPENAI_API_KEY: optionalText,
  OPENAI_BASE_URL: url,
  OPENAI_MODEL: text.default("").transform((value) => value || "gpt-4o-mini"),
  DEMO_FIRST_TOKEN_MS: number(150, 0, 60_000),
  DEMO_TOKENS_PER_SECOND: number(40, 0, 100_000, false),
  DEMO_JITTER: number(0.3, 0, 1, false),

  STREAM_VERSION: choice("v2", "v1"),
  STREAM_SOURCE: choice("streamEvents", "direct"),
  STREAM_ALLOWED_EVENTS: events,
  STREAM_TOKENS: flag("true"),
  COALESCE_MS: automatic(0, 1_000),
  STREAM_TIMEOUT_SECONDS: seconds(60),
  STREAM_FIRST_EVENT_TIMEOUT_SECONDS: seconds(30),
  STREAM_IDLE_TIMEOUT_SECONDS: seconds(30),
  LANGGRAPH_API: flag("false"),
  AI_SDK_API: flag("false"),

  ALLOWED_ORIGINS: origins,
  ALLOWED_HOSTS: hosts,
  MAX_BODY_BYTES: number(8_388_608, 1_024, 1_073_741_824),
  MAX_SOCKETS: number(10_000, 1, 1_000_000),
  MAX_ACTIVE_RUNS: number(1_000, 1, 1_000_000),
  MAX_THREADS: number(10_000, 1, 10_000_000),
  THREAD_RETENTION_DAYS: number(0, 0, 36_500, false),
  TRUST_PROXY: trustedProxies,
  MAX_RUNS_PER_MINUTE: number(120, 1, 1_000_000),
  MAX_CLIENT_RUNS: number(20, 1, 1_000_000),
  MAX_CLIENT_SOCKETS: number(100, 1, 1_000_000),
  MAX_CLIENT_SUBSCRIPTIONS: number(1_000, 1, 1_000_000),
  MAX_REQUESTS_PER_MINUTE: number(3_000, 1, 10_000_000),
  MAX_HANDSHAKES_PER_MINUTE: number(600, 1, 1_000_000),
  MAX_FAILED_SIGN_INS_PER_MINUTE: number(20, 1, 1_000_000),
  MAX_INPUT_MESSAGES: number(10_000, 1, 1_000_000),
  MAX_INPUT_NODES: number(200_000, 100, 10_000_000),
  MAX_RUN_TOKENS: number(1_000_000, 1, 1_000_000_000),
  MAX_RUN_ARGUMENT_BYTES: number(4_194_304, 1_024, 1_073_741_824),
  MAX_EVENT_BYTES: number(262_144, 4_096, 16_777_216),
  MAX_MEMORY_BYTES: number(0, 0, 1_099_511_627_776),
  HEARTBEAT_SECONDS: seconds(15, 3_600),
  SLOW_CONSUMER_SECONDS: seconds(30, 3_600),
  ORPHAN_GRACE_SECONDS: seconds(5),
  DETACHED_GRACE_SECONDS: seconds(300),
  DRAIN_SECONDS: seconds(30, 3_600),

  LOG_MAX_EVENTS: number(10_000, 1, 10_000_000),
  LOG_MAX_BYTES: number(8_388_608, 1_024, 1_073_741_824),
  LOG_MAX_TOTAL_BYTES: number(536_870_912, 1_048_576, 68_719_476_736),
  LOG_RETENTION_SECONDS: seconds(600),
  REDIS_URL: optionalText.refine(
    (value) => value === undefined || /^rediss?:\/\/./.test(value),
    "expected a URL like redis://user:password@host:6379/0, or rediss: for TLS",
  ),
  REDIS_PREFIX: text.default("").transform((value) => value || "sluice:"),

  METRICS_PORT: optionalPort,
  METRICS_TOKEN: optionalText.refine(
    (value) => value === undefined || value.length >= 16,
    "expected 16 characters or more",
  ),

  TRACE_CONTENT: flag("false"),
  LANGSMITH_TRACING: flag("false"),
});

export type Settings = z.infer<typeof settings>;

/** Returns the kind of model that the bundled agents use. */
export function modelKind({ MODEL, OPENAI_API_KEY, OPENAI_BASE_URL }: Settings): "openai" | "demo" {
  if (MODEL !== "auto") return MODEL;
  return OPENAI_API_KEY || OPENAI_BASE_URL ? "openai" : "demo";
}

/**
 * Reads the settings in this process's environment, for graphs that are constructed while their module is loaded.
 * @throws ConfigError naming the first that is wrong.
 */
export function environmentSettings(): Readonly<Settings> {
  return readSettings(process.env);
}

/** Is this a value that no error may repeat: a key, or a URL that may contain credentials? */
function isSecret(name: string, value: string | undefined): boolean {
  return /KEY|TOKEN$|SECRET|PASSWORD/.test(name) || (/URL/.test(name) && value?.includes("@") === true);
}

/**
 * Reads the settings in `env`. `shown` turns a setting's name into the name that the user wrote.
 * @throws ConfigError naming the first that is wrong.
 */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  shown: (name: string) => string = (name) => name,
): Readonly<Settings> {
  const parsed = settings.safeParse(env);
  if (parsed.success) {
    const { MODEL, OPENAI_API_KEY, OPENAI_BASE_URL } = parsed.data;
    if (MODEL === "openai" && !OPENAI_API_KEY && !OPENAI_BASE_URL) {
      throw new ConfigError("MODEL=openai needs OPENAI_API_KEY or OPENAI_BASE_URL: set one, or MODEL=demo.");
    }
    checkAuth(parsed.data, shown);
    return Object.freeze(parsed.data);
  }
  const issue = parsed.error.issues[0];
  const name = String(issue?.path[0]);
  const value = isSecret(name, env[name]) ? "(not shown)" : JSON.stringify(env[name]);
  throw new ConfigError(`${shown(name)}=${value} is not valid: ${issue?.message}.`);
}
