/** `sluice key new NAME`: makes an API key, prints it once, and keeps its digest. */

import { keysFile } from "../config/config.ts";
import { addKey, checkKeyName, formatApiKey } from "../config/keys.ts";
import { DEFAULT_SCOPES, SCOPES, scopesIn } from "../protocol/scopes.ts";
import { makeApiKey } from "../server/auth/api-keys.ts";
import { type Command, UsageError } from "./command.ts";

const options = {
  scopes: { type: "string" },
  env: { type: "boolean", default: false },
} as const;

export const key: Command<typeof options> = {
  summary: "makes an API key, for AUTH=api-key",
  usage: `Usage: sluice key new NAME [options]

Makes an API key for the principal NAME and prints it, once: the server keeps its digest alone, in keys.json beside
agents.json. Several keys with one name belong to the same principal. A running server reads keys when it starts.

Options:
  --scopes LIST   comma separated, of ${SCOPES.join(", ")}; ${DEFAULT_SCOPES.join(",")} by default
  --env           write no file; print the line for the variable API_KEYS
  -h, --help      this`,
  options,
  async run({ values, positionals }, { cwd, print, printError }) {
    const [action, name, ...more] = positionals;
    if (action !== "new" || name === undefined || more.length > 0) throw new UsageError("Say which: key new NAME.");
    const asked = values.scopes?.split(",").map((scope) => scope.trim());
    const scopes = asked ? scopesIn(asked) : DEFAULT_SCOPES;
    const unknown = asked?.find((scope) => !SCOPES.some((known) => known === scope));
    if (unknown !== undefined) throw new UsageError(`There is no scope "${unknown}"; there are ${SCOPES.join(", ")}.`);
    const made = makeApiKey(checkKeyName(name), scopes);
    const known = { ...made.known, scopes: [...made.known.scopes] };
    if (values.env) printError(`API_KEYS=${formatApiKey(known)}`);
    else {
      const file = keysFile(cwd);
      addKey(file, known);
      printError(`Its digest is in ${file}. The key itself is kept nowhere:`);
    }
    print(made.key);
    return 0;
  },
};
