import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SETTING_OPTIONS, settingsFrom } from "../../src/config/options.ts";
import { readSettings } from "../../src/config/settings.ts";

const source = readFileSync(new URL("../../src/config/options.ts", import.meta.url), "utf8");
/** The interface's comment by member. */
const documented = new Map(
  [...source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}readonly (\w+)\?:/g)].map(([, comment = "", name = ""]) => [
    name,
    comment.replace(/\s*\n\s*\*\s*/g, " "),
  ]),
);
const defaults = readSettings({});

it("every setting is an option, unless it is the app's own business", () => {
  expect([...documented.keys()]).toEqual([...SETTING_OPTIONS.keys()]);
});

it("without options all is as without an environment", () => {
  expect(settingsFrom({})).toEqual(defaults);
  expect(settingsFrom({ maxSockets: undefined })).toEqual(defaults);
});

it.each([...SETTING_OPTIONS])("%s names the default of %s", (option, setting) => {
  const value = defaults[setting];
  const sent = /Default:? (.+?)[.;]/.exec(documented.get(option) ?? "")?.[1];
  if (setting === "ALLOWED_ORIGINS") expect(sent).toBe("those of this machine");
  else if (setting === "STREAM_ALLOWED_EVENTS") expect(sent).toBe("`DEFAULT_ALLOWED_EVENTS`");
  else expect(sent).toContain(typeof value === "string" ? `"${value}"` : String(value));
});

it("values are of the kind that code has", () => {
  expect(
    settingsFrom({
      streamVersion: "v1",
      streamAllowedEvents: ["on_tool_*", "on_chat_model_stream"],
      streamTokens: false,
      orphanGraceSeconds: 0.5,
      allowedOrigins: ["https://a.test", "http://localhost:*"],
    }),
  ).toEqual({
    ...defaults,
    STREAM_VERSION: "v1",
    STREAM_ALLOWED_EVENTS: ["on_tool_*", "on_chat_model_stream"],
    STREAM_TOKENS: false,
    ORPHAN_GRACE_SECONDS: 0.5,
    ALLOWED_ORIGINS: ["https://a.test", "http://localhost:*"],
  });
});

it("an empty list is no number", () => {
  expect(() => settingsFrom({ maxSockets: [] as unknown as number })).toThrow(/^maxSockets="\[\]" is not valid/);
});

it("an empty list is an empty list", () => {
  const { ALLOWED_ORIGINS, STREAM_ALLOWED_EVENTS } = settingsFrom({ allowedOrigins: [], streamAllowedEvents: [] });
  expect([ALLOWED_ORIGINS, STREAM_ALLOWED_EVENTS]).toEqual([[], []]);
});
