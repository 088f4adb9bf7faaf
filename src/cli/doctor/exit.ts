/**
 * Protects the doctor's report. A graph runs in this process: it may print, end the process, or crash it. None of these
 * may look like a finding, or mix with a JSON document.
 */
import { writeSync } from "node:fs";
import { messageOf } from "../../protocol/redact.ts";

export interface Exit {
  /** Writes the report to stdout. From then on the process may end. */
  print(text: string): void;
  /** There is no report: the error was printed elsewhere. */
  done(): void;
}

const NOTHING_SHOWN = 2;

/**
 * `stdoutIsOwn`: other output to stdout goes to stderr. `lastWord`: the text that is written when the process ends
 * before its report.
 */
export function guardExit(stdoutIsOwn: boolean, lastWord: (why: string) => string): Exit {
  const write = process.stdout.write.bind(process.stdout);
  let why = "The graph ended this process before its run was over.";
  let printed = false;
  if (stdoutIsOwn) process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  process.on("uncaughtExceptionMonitor", (error) => {
    why = `The graph crashed this process: ${messageOf(error)}`;
  });
  process.on("unhandledRejection", (reason) => {
    const notice = "A promise of the graph was rejected, and nothing handled it";
    process.stderr.write(`sluice: ${notice}: ${messageOf(reason)}\n`);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      why = `${signal} ended the examination.`;
      process.exit(NOTHING_SHOWN);
    });
  }
  process.on("exit", () => {
    if (printed) return;
    // Only a synchronous write still works when the process exits.
    writeSync(stdoutIsOwn ? 1 : 2, `${lastWord(why)}\n`);
    process.exitCode = NOTHING_SHOWN;
  });
  const done = () => {
    printed = true;
  };
  return {
    done,
    print(text) {
      done();
      write(`${text}\n`);
    },
  };
}
