/** The environment of an audited graph: its own variables by name, each with a word that stands nowhere else. */
import { randomBytes } from "node:crypto";
import { type ConfigSources, loadConfig } from "./config.ts";
import { isSecretName } from "./secrets.ts";
import { settings } from "./settings.ts";

export interface AuditEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** The words, by variable; of variables that keep their values, those. */
  readonly words: Readonly<Record<string, string>>;
}

/** Without these a process does not start, or finds no files. They are no secrets. */
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

/** Packages of providers refuse to be made without them. */
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

/** Words for all that `.env` files and langgraph.json name, and for the secrets in `own`. `keep`: names that keep their values. */
export function auditEnvironment(
  sources: ConfigSources,
  keep: readonly string[],
  own: Readonly<Record<string, string | undefined>> = process.env,
): AuditEnvironment {
  // Read into nothing, so that whatever the files name is among the names.
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

/** An address stays one of its kind: whatever is made of it is made at the start. */
function wordFor(name: string, value = ""): string {
  const word = `CANARYENV${randomBytes(9).toString("hex")}`;
  if (URL.canParse(value) && value.includes("://")) return `${new URL(value).protocol}//audit:${word}@audit.invalid/`;
  return /UR[LI]$|ENDPOINT/.test(name) ? `https://audit:${word}@audit.invalid/` : word;
}
