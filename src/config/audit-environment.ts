/** Makes the environment of an audited graph: its variables, each with a unique word as its value. */
import { randomBytes } from "node:crypto";
import { type ConfigSources, loadConfig } from "./config.ts";
import { isSecretName } from "./secrets.ts";
import { settings } from "./settings.ts";

export interface AuditEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** The word of each variable, or its value if it keeps that. */
  readonly words: Readonly<Record<string, string>>;
}

/** Variables that a process needs to start or to find files. They are not secrets. */
const OF_THE_SYSTEM = [
  "PATH",
  "PATHEXT",
  "SYSTEMROOT",
  "TMPDIR",
  "TEMP",
  "TMP",
  "LANG",
  "TZ",
  "NODE_ENV",
  "TSX_TSCONFIG_PATH",
];

/** The models of providers cannot be constructed without these variables. */
const OF_PROVIDERS = [
  "OPENAI_API_KEY",
  "AZURE_OPENAI_API_KEY",
  "ANTHROPIC_API_KEY",
  "GOOGLE_API_KEY",
  "GROQ_API_KEY",
  "MISTRAL_API_KEY",
  "DEEPSEEK_API_KEY",
  "COHERE_API_KEY",
  "TOGETHER_API_KEY",
  "OPENROUTER_API_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "TAVILY_API_KEY",
];

/**
 * Makes words for all variables in `.env` files and langgraph.json, and for the secrets in `own`. Variables in `keep`
 * keep their values.
 */
export function auditEnvironment(
  sources: ConfigSources,
  keep: readonly string[],
  own: Readonly<Record<string, string | undefined>> = process.env,
): AuditEnvironment {
  // Loaded into an empty environment, so that it contains every variable of the files.
  const named: Record<string, string | undefined> = { CONFIG_DIR: own.CONFIG_DIR };
  loadConfig(sources, named);
  const values = { ...named, ...own };
  const env: Record<string, string> = {};
  const words: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === "") continue;
    const isSetting = Object.hasOwn(settings.shape, name) && !isSecretName(name) && !/URL/.test(name);
    if (isSetting || OF_THE_SYSTEM.includes(name.toUpperCase())) env[name] = value;
    else if (keep.includes(name)) env[name] = words[name] = value;
    else if (name in named || isSecretName(name)) env[name] = words[name] = wordFor(name, value);
  }
  for (const name of OF_PROVIDERS) env[name] ??= words[name] = wordFor(name);
  return { env: { ...env, LANGSMITH_TRACING: "false" }, words };
}

/** The word for a URL is a URL with the same scheme, because clients parse it when they are constructed. */
function wordFor(name: string, value = ""): string {
  const word = `CANARYENV${randomBytes(9).toString("hex")}`;
  if (URL.canParse(value) && value.includes("://")) return `${new URL(value).protocol}//audit:${word}@audit.invalid/`;
  return /UR[LI]$|ENDPOINT/.test(name) ? `https://audit:${word}@audit.invalid/` : word;
}
