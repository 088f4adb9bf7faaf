/** The process's own log. */
import pino from "pino";
import { withoutSecrets, withoutSecretsIn } from "../protocol/secrets.ts";
import { errorFields } from "./error-fields.ts";

/** Receives log entries: their fields, then a sentence. pino's loggers fit, and so does `console`. */
export interface Logger {
  /** Details for finding a fault. */
  debug(fields: object, sentence: string): void;
  /** An event of ordinary work, such as a start. */
  info(fields: object, sentence: string): void;
  /** A problem that an operator should look at, although everything still works. */
  warn(fields: object, sentence: string): void;
  /** Something that failed. */
  error(fields: object, sentence: string): void;
}

/** Makes a logger that writes JSON lines without secrets to standard output, or to `destination`. */
export function createLogger(level: string, destination?: pino.DestinationStream): pino.Logger {
  const options: pino.LoggerOptions = {
    level,
    base: undefined,
    hooks: { streamWrite: withoutSecrets },
    serializers: { err: errorFields },
    redact: {
      paths: ["*.headers.authorization", "*.headers.cookie", "*.apiKey", "*.OPENAI_API_KEY"],
      censor: "[redacted]",
    },
  };
  return destination ? pino(options, destination) : pino(options);
}

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Wraps a logger so that it gets errors as plain fields without secrets. If the logger throws, that is ignored, because
 * it cannot be reported.
 */
export function unfailing(logger: Logger): Logger {
  const guarded = (level: keyof Logger) => (fields: object, sentence: string) => {
    try {
      const { err, ...others } = fields as { readonly err?: unknown };
      const readable = err === undefined ? others : { ...others, err: errorFields(err) };
      logger[level](withoutSecretsIn(readable) as object, withoutSecrets(sentence));
    } catch {}
  };
  return { debug: guarded("debug"), info: guarded("info"), warn: guarded("warn"), error: guarded("error") };
}
