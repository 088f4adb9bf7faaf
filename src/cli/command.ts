/** The shape of a command of the `sluice` program. */
import type { ParseArgsConfig, parseArgs } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** The arguments after the command's name. */
export type CommandArgs<O extends Options> = Pick<
  ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>,
  "values" | "positionals"
>;

export interface CommandContext {
  /** Sluice's own folder, absolute. */
  readonly packageRoot: string;
  /** Sluice's version, like `0.1.0`. */
  readonly version: string;
  /** The folder the command was given in, absolute. */
  readonly cwd: string;
  /** Writes a line to stdout. */
  print(line: string): void;
  /** Writes a line to stderr. */
  printError(line: string): void;
}

/**
 * A command. Its module is loaded to list it, so it imports what it needs to run only when it runs. `--help` is not
 * its business.
 */
export interface Command<O extends Options = Options> {
  /** One line for the list of commands. */
  readonly summary: string;
  /** The text that `--help` prints. */
  readonly usage: string;
  readonly options: O;
  /** The text for stdout after a wrong call, if `args` ask for more than a line for people. */
  failure?(message: string, args: readonly string[]): string | undefined;
  /**
   * Resolves with the process's exit code.
   * @throws UsageError when it was called wrongly: its line and the usage are printed, and the exit code is 2.
   * @throws ConfigError when something it was given is wrong: its line is printed, and the exit code is 1.
   */
  run(args: CommandArgs<O>, context: CommandContext): Promise<number>;
}

/** A command line that makes no sense. Its message is one line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
