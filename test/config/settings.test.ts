import { readFileSync } from "node:fs";
import dotenv from "dotenv";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { readSettings, settings } from "../../src/config/settings.ts";

const example = dotenv.parse(readFileSync(new URL("../../.env.example", import.meta.url)));
const names = Object.keys(settings.shape);

function messageFor(env: Record<string, string>): string {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error(`accepted ${JSON.stringify(env)}`);
}

describe(".env.example", () => {
  it("names every setting there is, and no other", () => {
    expect(Object.keys(example).sort()).toEqual([...names].sort());
  });

  it("shows the defaults", () => {
    expect(readSettings(example)).toEqual(readSettings({}));
  });

  it.each(names)("shows the default of %s by itself", (name) => {
    const shown = readSettings({ [name]: example[name] });
    expect(shown).toEqual(readSettings({}));
  });

  it("spells out every default but empty ones", () => {
    for (const [name, value] of Object.entries(readSettings({}))) {
      expect({ name, empty: example[name] === "" }).toEqual({
        name,
        empty: value === undefined || String(value) === "",
      });
    }
  });
});

describe("a setting", () => {
  it("that is empty means its default", () => {
    expect(readSettings(Object.fromEntries(names.map((name) => [name, " "])))).toEqual(readSettings({}));
  });

  it.each<[string, string, unknown]>([
    ["PORT", "0", 0],
    ["PORT", " 80 ", 80],
    ["LOG_LEVEL", "WARN", "warn"],
    ["STREAM_TOKENS", "False", false],
    ["STREAM_IDLE_TIMEOUT_SECONDS", "0.5", 0.5],
    ["STREAM_ALLOWED_EVENTS", "on_tool_*, on_custom_event,", ["on_tool_*", "on_custom_event"]],
    ["ALLOWED_ORIGINS", "https://a.test, http://[::1]:*", ["https://a.test", "http://[::1]:*"]],
    ["ALLOWED_ORIGINS", "*", ["*"]],
    ["OPENAI_BASE_URL", "http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"],
    ["LANGSMITH_TRACING", "true", true],
  ])("%s=%s", (name, text, value) => {
    expect(readSettings({ [name]: text })).toHaveProperty(name, value);
  });

  it.each([
    ["PORT", "http", "a whole number from 0 to 65535"],
    ["PORT", "65536", "a whole number from 0 to 65535"],
    ["PORT", "80.5", "a whole number from 0 to 65535"],
    ["PORT", "-1", "a whole number from 0 to 65535"],
    ["MAX_SOCKETS", "Infinity", "a whole number from 1"],
    ["STREAM_TIMEOUT_SECONDS", "60s", "a number from 0.001 to 86400"],
    ["STREAM_TIMEOUT_SECONDS", "0", "a number from 0.001 to 86400"],
    ["STREAM_TOKENS", "yes", "true or false"],
    ["STREAM_VERSION", "v3", "v2 or v1"],
    ["COALESCE_MS", "often", "auto, or a number from 0 to 1000"],
    ["COALESCE_MS", "1001", "auto, or a number from 0 to 1000"],
    ["STREAM_SOURCE", "callbacks", "streamEvents or direct"],
    ["MODEL", "claude", "auto or openai or demo"],
    ["STREAM_ALLOWED_EVENTS", "on_tool_start,on_tokens", "on_chat_model_stream"],
    ["STREAM_ALLOWED_EVENTS", "on_tool_start,on_tokens", 'unknown event name "on_tokens"'],
    ["STREAM_ALLOWED_EVENTS", "on_retreiver_*", 'unknown event name "on_retreiver_*"'],
    ["ALLOWED_ORIGINS", "example.com", "https://example.com"],
    ["ALLOWED_ORIGINS", "https://a.test/path", "https://example.com"],
    ["OPENAI_BASE_URL", "not a url", "a URL like https://host/v1"],
  ])("%s=%s stops the start: it names itself, the value and what is valid", (name, value, valid) => {
    const message = messageFor({ [name]: value });
    expect(message).toMatch(new RegExp(`^${name}=`));
    expect(message).toContain(JSON.stringify(value));
    expect(message).toContain(valid);
    expect(message).not.toContain("\n");
  });

  it("that is a number refuses what is beyond its bounds, each of them", () => {
    for (const [name, value] of Object.entries(readSettings({}))) {
      if (typeof value !== "number") continue;
      for (const wrong of ["-1", "NaN", "x", "1e99"]) expect(messageFor({ [name]: wrong })).toContain(`${name}=`);
    }
  });

  it("is frozen, all of them", () => {
    expect(Object.isFrozen(readSettings({}))).toBe(true);
  });

  it("that is no setting of ours is none of our business", () => {
    expect(readSettings({ PATH: "/bin", SLUICE_X: "1" })).toEqual(readSettings({}));
  });
});

describe("a secret", () => {
  it("is not repeated", () => {
    // No key alone can be invalid today, so the test covers every value that an error could quote.
    const secret = "sk-very-secret";
    expect(messageFor({ OPENAI_API_KEY: secret, PORT: "x" })).not.toContain(secret);
    expect(messageFor({ OPENAI_API_KEY: "", MODEL: "openai" })).toBe(
      "MODEL=openai needs OPENAI_API_KEY or OPENAI_BASE_URL: set one, or MODEL=demo.",
    );
  });

  it("is not repeated when it stands in a URL", () => {
    expect(messageFor({ OPENAI_BASE_URL: "http//user:hunter2@host" })).not.toContain("hunter2");
  });
});
