/** The process's own log. */
import pino from "pino";
import { withoutSecrets } from "../protocol/secrets.ts";

/** Where log entries go: their fields, then a sentence. pino's loggers are such, and so is `console`. */
export interface Logger {
  debug(fields: object, sentence: string): void;
  warn(fields: object, sentence: string): void;
  error(fields: object, sentence: string): void;
}

/** JSON lines, with secrets taken out. */
export function createLogger(level: string): pino.Logger {
  return pino({
    level,
    base: undefined,
    hooks: { streamWrite: withoutSecrets },
    redact: {
      paths: ["*.headers.authorization", "*.headers.cookie", "*.apiKey", "*.OPENAI_API_KEY"],
      censor: "[redacted]",
    },
  });
}

export const silent: Logger = { debug() {}, warn() {}, error() {} };
