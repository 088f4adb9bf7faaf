import { afterEach, describe, expect, it } from "vitest";
import { messageOf, redact } from "../../src/protocol/redact.ts";
import { forgetSecrets, hideSecrets, withoutSecrets, withoutSecretsIn } from "../../src/protocol/secrets.ts";

const owner = {};
const hide = (...values: string[]) => hideSecrets(owner, () => values);
afterEach(() => forgetSecrets(owner));

describe("the value of a secret", () => {
  const secret = 'q7"Zk/9+vW m\\2ß~xP';
  const base64 = (text: string) => Buffer.from(text).toString("base64");

  it.each([
    ["as it is", secret],
    ["in a URL", encodeURIComponent(secret)],
    ["in a URL, in small letters", encodeURIComponent(secret).replace(/%../g, (byte) => byte.toLowerCase())],
    ["in a form", encodeURIComponent(secret).replaceAll("%20", "+")],
    ["in JSON", JSON.stringify(secret)],
    ["in JSON inside JSON", JSON.stringify(JSON.stringify({ key: secret }))],
    ["in base64", base64(secret)],
    ["in base64 of a URL", Buffer.from(secret).toString("base64url")],
    ["in base64 after one character", base64(`a${secret}`)],
    ["in base64 between a user and a realm", base64(`me:${secret}:z`)],
    ["in base64 after two characters", base64(`ab${secret}!`)],
  ])("is taken out %s", (_, written) => {
    hide(secret);
    const clean = withoutSecrets(`The key ${written} is not valid, says the endpoint.`);
    expect(clean).toContain("<key>");
    for (const part of [secret.slice(0, 6), encodeURIComponent(secret).slice(0, 9), base64(secret).slice(2, 14)]) {
      expect(clean).not.toContain(part);
    }
    expect(clean.length).toBeLessThan(75);
  });

  it.each([
    (key: string) => `Incorrect API key provided: ${key}.`,
    (key: string) => `401 {"error":{"message":"key '${key}' is unknown"}}`,
    (key: string) => `${key}: no such account`,
    (key: string) => `No account for <${key}>`,
    (key: string) => `GET https://host/v1/${key}/models failed`,
    (key: string) => `sent x-auth-thing ${key}, got 403`,
  ])("is taken out of an error's message, whatever surrounds it", (received) => {
    const key = "zq81mfpal20xkwe7";
    hide(key);
    for (const clean of [redact(received(key)), messageOf(new Error(received(key)))]) expect(clean).not.toContain(key);
    expect(redact(`${"x".repeat(9_995)}${key}`.slice(-500))).not.toContain(key);
  });

  it("is taken out before one that it contains", () => {
    hide("abcdefghijkl", "abcdefghijkl-mnopqrstuv");
    expect(withoutSecrets("abcdefghijkl-mnopqrstuv and abcdefghijkl")).toBe("<key> and <key>");
  });

  it("stays when it is short enough to be a word", () => {
    hide("ollama", "EMPTY", "");
    expect(withoutSecrets("ollama says EMPTY")).toBe("ollama says EMPTY");
  });

  it("is read anew for each text", () => {
    const values: string[] = [];
    hideSecrets(owner, () => values);
    expect(withoutSecrets("late-secret-value")).toBe("late-secret-value");
    values.push("late-secret-value");
    expect(withoutSecrets("late-secret-value")).toBe("<key>");
    forgetSecrets(owner);
    expect(withoutSecrets("late-secret-value")).toBe("late-secret-value");
  });

  it("is taken out of all text in plain JSON", () => {
    hide("zq81mfpal20xkwe7");
    expect(withoutSecretsIn({ a: ["zq81mfpal20xkwe7", 1, null], b: { c: "no zq81mfpal20xkwe7" } })).toEqual({
      a: ["<key>", 1, null],
      b: { c: "no <key>" },
    });
  });
});

describe("credentials", () => {
  it.each([
    ["Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Authorization: Basic <token>"],
    ['{"authorization":"Basic QWxhZGRpbjpvcGVu"}', '{"authorization":"Basic <token>"}'],
    ["authorization=Basic%20dXNlcjpwdw==&x=1", "authorization=Basic%20<token>"],
    ["basic dXNlcjpwdw== was refused", "basic <token> was refused"],
    ["Basic user:pass99 was refused", "Basic <token> was refused"],
    ["sent Bearer zq81mfpal20xkwe7, got 403", "sent Bearer <token>, got 403"],
    [
      "Basic authentication failed. Is the Bearer token right?",
      "Basic authentication failed. Is the Bearer token right?",
    ],
    ["BASIC AUTHENTICATION. Basic access", "BASIC AUTHENTICATION. Basic access"],
  ])("%s", (text, clean) => {
    expect(withoutSecrets(text)).toBe(clean);
  });
});
