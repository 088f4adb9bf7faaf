/** The process's own log. */
import pino from "pino";
import { withoutSecrets, withoutSecretsIn } from "../protocol/secrets.ts";
import { errorFields } from "./error-fields.ts";

/** Receives log entries: their fields, then a sentence. pino's loggers fit, and so does `console`. */
export interface Logger {
  /** Details for whoever looks for a fault. */
  debug(fields: object, sentence: string): void;
  /** An event of ordinary work, such as a start. */
  info(fields: object, sentence: string): void;
  /** Something that goes on working, and that an operator should look at. */
  warn(fields: object, sentence: string): void;
  /** Something that failed. */
  error(fields: object, sentence: string): void;
}

/** JSON lines on standard output, or where else they are to go, with secrets taken out. */
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
 * The same logger, given errors as plain fields without secrets. One that throws takes nothing down with it: there is
 * nobody left to report that to.
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
