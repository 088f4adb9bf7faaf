/** The JSON Schemas for editors match the code, and describe each field. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { schemaFiles } from "../../scripts/schemas.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
type Described = Readonly<Record<string, { description?: string }>>;

it.each(Object.entries(schemaFiles()))("%s is up to date: npm run schemas", (path, text) => {
  expect(read(path)).toBe(text);
});

it("each field of an agent and each setting has a sentence", () => {
  const { properties } = JSON.parse(read("config/agents.schema.json")) as {
    properties: { agents: { additionalProperties: { properties: Described; required: string[] } } };
  };
  const { additionalProperties: agent } = properties.agents;
  const settings = (JSON.parse(read("config/settings.schema.json")) as { properties: Described }).properties;
  for (const fields of [agent.properties, settings]) {
    expect(Object.keys(fields).length).toBeGreaterThan(20);
    expect(Object.keys(fields).filter((name) => !fields[name]?.description)).toEqual([]);
  }
  expect(agent.required).toEqual(["graph"]);
  expect(JSON.parse(read("config/agents.json"))).toMatchObject({ $schema: "./agents.schema.json" });
});
