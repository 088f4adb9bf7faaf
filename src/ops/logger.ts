/** The process's own log. */
import pino from "pino";
import { withoutSecrets } from "../protocol/secrets.ts";

/** Where log entries go: their fields, then a sentence. pino's loggers are such, and so is `console`. */
export interface Logger {
  debug(fields: object, sentence: string): void;
  warn(fields: object, sentence: string): void;
  error(fields: object, sentence: string): void;
}

/** JSON lines on standard output, or where else they are to go, with secrets taken out. */
export function createLogger(level: string, destination?: pino.DestinationStream): pino.Logger {
  const options: pino.LoggerOptions = {
    level,
    base: undefined,
    hooks: { streamWrite: withoutSecrets },
    redact: {
      paths: ["*.headers.authorization", "*.headers.cookie", "*.apiKey", "*.OPENAI_API_KEY"],
      censor: "[redacted]",
    },
  };
  return destination ? pino(options, destination) : pino(options);
}

export const silent: Logger = { debug() {}, warn() {}, error() {} };
