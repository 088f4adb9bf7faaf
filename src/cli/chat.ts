/** `sluice chat`: asks an agent in the terminal. */
import { type Command, UsageError } from "./command.ts";

const options = {} as const;

export const chat: Command<typeof options> = {
  summary: "asks an agent in the terminal",
  usage: "Usage: sluice chat <file>:<export>",
  options,
  async run() {
    throw new UsageError("There is no such command yet.");
  },
};
