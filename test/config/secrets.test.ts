import { describe, expect, it } from "vitest";
import { isSecretName, secretsOfEnvironment, secretsOfFields } from "../../src/config/secrets.ts";

describe("what is a secret", () => {
  it.each([
    ...[
      "OPENAI_API_KEY",
      "OPENAI_APIKEY",
      "HF_TOKEN",
      "AWS_SECRET_ACCESS_KEY",
      "PGPASSWORD",
      "DB_PASSWD",
      "REDIS_AUTH",
    ],
    ...["apiKey", "accessToken", "client-secret", "API_KEYS", "KEY_2", "GITHUB_PAT", "smtp_pass", "SESSION_COOKIE"],
  ])("%s is one", (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each(["PATH", "PWD", "OLDPWD", "HOME", "OPENAI_MODEL", "TOKENIZERS_PARALLELISM", "KEYBOARD_LAYOUT", "userName"])(
    "%s is none",
    (name) => {
      expect(isSecretName(name)).toBe(false);
    },
  );

  it("is found in an environment, in URLs too", () => {
    const env = {
      A_KEY: " first-key-value \n",
      API_KEYS: "second-key,third-key",
      DATABASE_URL: "postgres://me:p%40ss%2Fword@db:5432/app",
      BROKEN_URL: "redis://:pa/ss word@cache",
      HOOK_URL: "https://hooks.example/in?token=fourth-key&channel=x",
      GIT_REMOTE: "https://fifth-key@git.example/x.git",
      PLAIN_URL: "https://example.com/v1",
      EMPTY_KEY: "",
      UNSET_KEY: undefined,
    };
    const found = secretsOfEnvironment(env);
    for (const secret of [
      ...["first-key-value", "second-key", "third-key", "p%40ss%2Fword", "p@ss/word", "fourth-key", "fifth-key"],
    ]) {
      expect(found).toContain(secret);
    }
    expect(found.join()).not.toMatch(/example|postgres|channel|^me$/);
  });

  it("is found among what an agent's entry says to its graph", () => {
    const configurable = { user: "Ann", search: { apiKey: "abc", tokens: [1, "def"] }, url: "https://u:ghi@h/" };
    expect(secretsOfFields(configurable).filter(Boolean).sort()).toEqual(expect.arrayContaining(["abc", "def", "ghi"]));
    expect(secretsOfFields(configurable)).not.toContain("Ann");
  });
});
