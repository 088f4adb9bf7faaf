/** `sluice key new`: the printed key signs in, and the stored value is not secret. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { authenticatorOf } from "../../src/app/authenticator.ts";
import { key } from "../../src/cli/key.ts";
import { keysFile } from "../../src/config/config.ts";
import { parseApiKey, readKeys } from "../../src/config/keys.ts";
import { readSettings } from "../../src/config/settings.ts";
import { silent } from "../../src/ops/logger.ts";
import { apiKeyVerifier } from "../../src/server/auth/api-keys.ts";
import { temporaryFolder } from "../support/folder.ts";

const cwd = temporaryFolder();

async function make(positionals: string[], values: { scopes?: string; env?: boolean } = {}) {
  const printed: string[] = [];
  const said: string[] = [];
  const context = {
    packageRoot: cwd,
    version: "0.0.0",
    cwd,
    print: (line: string) => void printed.push(line),
    printError: (line: string) => void said.push(line),
  };
  const code = await key.run({ values: { env: false, ...values }, positionals }, context);
  return { code, printed, said: said.join("\n") };
}

it("keeps digests in keys.json, which only its owner can read; each key signs in with its scopes", async () => {
  const ann = await make(["new", "ann"]);
  const bob = await make(["new", "bob"], { scopes: "watch" });
  const file = keysFile(cwd, {});
  expect(file).toBe(join(cwd, "config", "keys.json"));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const verify = apiKeyVerifier(readKeys(file));
  const [annsKey = ""] = ann.printed;
  expect(await verify(annsKey)).toMatchObject({ id: "ann", scopes: ["run", "watch", "cancel"] });
  expect(await verify(bob.printed[0] ?? "")).toMatchObject({ id: "bob", scopes: ["watch"] });
  expect(readFileSync(file, "utf8")).not.toContain(annsKey.slice(-43));
  expect(`${ann.said}${bob.said}`).not.toContain(annsKey.slice(-43));
});

it("with --env prints the line for API_KEYS and writes nothing", async () => {
  const before = readKeys(keysFile(cwd, {})).length;
  const { printed, said } = await make(["new", "eve"], { env: true, scopes: "run,admin" });
  const known = parseApiKey(said.replace("API_KEYS=", ""));
  expect(await apiKeyVerifier([known])(printed[0] ?? "")).toMatchObject({ id: "eve", scopes: ["run", "admin"] });
  expect(readKeys(keysFile(cwd, {}))).toHaveLength(before);
});

it("keys of a server that asks for none are warned of", async () => {
  await make(["new", "ann"]);
  const keys = readKeys(keysFile(cwd, {}));
  const warned: unknown[] = [];
  const logger = { ...silent, warn: (_: object, line: string) => void warned.push(line) };
  authenticatorOf(readSettings({}), { keys, logger });
  expect(warned).toEqual([expect.stringContaining("AUTH=api-key")]);
});

it.each([
  [[], {}, /key new NAME/],
  [["old", "ann"], {}, /key new NAME/],
  [["new", "a:b"], {}, /a name is/],
  [["new", "ann"], { scopes: "root" }, /no scope "root"/],
])("refuses %j with %j", async (positionals, values, message) => {
  await expect(make(positionals as string[], values)).rejects.toThrow(message as RegExp);
});
