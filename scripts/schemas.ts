/** `npm run schemas`: writes the JSON Schemas of `agents.json` and of the settings, for editors and other programs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { agentsFile } from "../src/config/agents.ts";
import { settings } from "../src/config/settings.ts";
import { ROOT } from "./setup.mjs";

type Schema = Record<string, unknown>;

/** Returns the contents of the files by path. */
export function schemaFiles(): Record<string, string> {
  const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
  return {
    "config/agents.schema.json": written(agentsSchema(read("docs/settings.md"))),
    "config/settings.schema.json": written(settingsSchema(read(".env.example"))),
  };
}

/** Returns the schema of `agents.json`, with descriptions from the table in the documents. */
function agentsSchema(page: string): Schema {
  const schema = z.toJSONSchema(agentsFile, { io: "input", unrepresentable: "any" }) as Schema;
  const { agents } = schema.properties as Record<string, { additionalProperties: { properties: Schema } }>;
  const fields = agents?.additionalProperties.properties as Record<string, Schema>;
  for (const [, names = "", is = ""] of page.matchAll(/^\| (`\w+`(?:, `\w+`)*) \| (.+?) \| .*\|$/gm)) {
    for (const [, name = ""] of names.matchAll(/`(\w+)`/g)) {
      if (fields[name]) fields[name] = { description: plain(is), ...fields[name] };
    }
  }
  return { title: "Sluice's agents.json", ...schema };
}

/**
 * Returns the schema of the settings. Every setting is text in the environment, described by the comments of the
 * example file.
 */
function settingsSchema(example: string): Schema {
  const known = Object.keys((settings as unknown as z.ZodObject).shape);
  const properties: Record<string, Schema> = {};
  let comment: string[] = [];
  let named = false;
  for (const line of example.split("\n")) {
    const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && known.includes(name)) {
      const description = comment.join(" ");
      properties[name] = { type: "string", description, default: value };
      named = true;
    } else if (line.startsWith("# ") && !line.startsWith("# ---")) {
      // A comment describes all names up to the next comment.
      comment = named ? [line.slice(2)] : [...comment, line.slice(2)];
      named = false;
    } else comment = [];
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Sluice's settings, as variables of the environment",
    type: "object",
    properties,
  };
}

/** Removes the links from a sentence of a table. */
function plain(markdown: string): string {
  return markdown.replace(/\[([^\]]+)\]\([^)]+\)/g, "$1").replaceAll("\\|", "|");
}

function written(schema: Schema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (process.argv[1]?.endsWith("schemas.ts")) {
  for (const [path, text] of Object.entries(schemaFiles())) writeFileSync(join(ROOT, path), text);
}
