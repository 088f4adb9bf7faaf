/** docs/frontends.md describes each client as test/clients shows it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CLIENTS } from "../clients/list.ts";
import { ROOT } from "./code-blocks.ts";

test("the table of clients is that of their tests, in the versions that are tested", () => {
  const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
  const { dependencies } = JSON.parse(read("test/clients/package.json")) as { dependencies: Record<string, string> };
  const versionOf = (name: string) => {
    const version = dependencies[name] ?? "";
    // Only an exact version is the same in each test run.
    expect(version).toMatch(/^(npm:.+@)?\d+\.\d+\.\d+$/);
    return version.startsWith("npm:") ? version.slice("npm:".length) : `${name}@${version}`;
  };
  const rows = CLIENTS.map(({ name, packages, stop, question, cut }) => {
    const versions = packages.map((name) => `\`${versionOf(name)}\``).join(", ") || "the browser's";
    return `| ${[name, versions, stop, question, cut].join(" | ")} |`;
  });
  const [, section = ""] = read("docs/frontends.md").split(/^## How each client comes back$/m);
  const table = section.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| client "));
  expect(table).toEqual(rows);
});
