/** `sluice doctor`: says whether tokens really stream. */
import { type Command, UsageError } from "./command.ts";

const options = {} as const;

export const doctor: Command<typeof options> = {
  summary: "says whether tokens really stream, and if not, why",
  usage: "Usage: sluice doctor <file>:<export>",
  options,
  async run() {
    throw new UsageError("There is no such command yet.");
  },
};
