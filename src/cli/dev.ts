/** `sluice dev`: serves. */
import { type Command, UsageError } from "./command.ts";

const options = {} as const;

export const dev: Command<typeof options> = {
  summary: "serves, and starts again with each change",
  usage: "Usage: sluice dev <file>:<export>",
  options,
  async run() {
    throw new UsageError("There is no such command yet.");
  },
};
