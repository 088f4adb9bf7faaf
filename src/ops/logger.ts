/** The process's log: JSON lines, with secrets taken out. */
import pino from "pino";

export type Logger = pino.Logger;

export function createLogger(level: string): Logger {
  return pino({
    level,
    base: undefined,
    redact: {
      paths: ["*.headers.authorization", "*.headers.cookie", "*.apiKey", "*.OPENAI_API_KEY"],
      censor: "[redacted]",
    },
  });
}
