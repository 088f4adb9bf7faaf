import { describe, expect, it } from "vitest";
import { messageOf, redact } from "../../src/protocol/redact.ts";

describe("somebody else's error message, before it leaves", () => {
  it.each([
    ["401 Incorrect API key provided: sk-proj-abc123DEF456ghi789.", /abc123|ghi789/],
    ["Incorrect API key provided: sk-abcde***************wxyz.", /abcde|wxyz/],
    ["token ghp_abcdefghijklmnop1234 is expired", /abcdef/],
    ["langsmith lsv2_pt_0123456789abcdef", /0123456789/],
    ["hf_AbCdEfGhIjKlMnOp", /AbCdEf/],
    ["Google says AIzaSyA-0123456789abcdefghijk", /SyA-0123456789abcdefghijk/],
    ["sent Authorization: Bearer abc.def-ghi", /abc\.def/],
    ["jwt eyJhbGciOiJI.eyJzdWIiOiIx.c2ln is not valid", /eyJ|c2ln/],
    ["connect ECONNREFUSED postgres://admin:hunter2@db.internal:5432/app", /admin|hunter2/],
    ["redis://:hunter2@cache:6379 refused", /hunter2/],
    ["ENOENT: no such file, open '/home/alice/project/secret.txt'", /alice|secret/],
    ["Cannot find module file:///srv/app/dist/graph.js", /srv|graph\.js/],
    ["EPERM: C:\\Users\\alice\\app\\key.pem", /alice|key\.pem/],
    ["bad key gsk_abcdefghijklmnop", /abcdef/],
    ["xai-abcdefghijklmnop is revoked", /abcdef/],
    ["AKIAIOSFODNN7EXAMPLE is not allowed", /IOSFODNN/],
    ["GET https://h/v1?api_key=SECRETSECRET failed", /SECRET/],
    ["GET https://h/v1?q=1&key=SECRETSECRET failed", /SECRET/],
    ["api-key: 0123456789abcdef0123456789abcdef", /0123/],
    ['sent {"password":"hunter2","a":1}', /hunter2/],
    ["connect postgres://me:pa/ss@db/x", /me:|pa\/|ss@/],
    ["connect postgres://me:p@ss@db/x", /p@|ss@/],
    ["open ../../srv/app/secret.ts", /srv|secret/],
    ["cwd:/srv/app/x", /srv/],
  ])("%s", (message, secret) => {
    expect(message).toMatch(secret);
    expect(redact(message)).not.toMatch(secret);
  });

  it("keeps what helps", () => {
    expect(redact("429 Rate limit reached for gpt-4o-mini in organization org-x: try again in 20s")).toBe(
      "429 Rate limit reached for gpt-4o-mini in organization org-x: try again in 20s",
    );
    expect(redact("404 The model `x` was not found, see https://example.com/docs/models#list")).toBe(
      "404 The model `x` was not found, see https://example.com/docs/models#list",
    );
    expect(redact("Unexpected token: } at https://example.com:8080/docs/a?q=1")).toBe(
      "Unexpected token: } at https://example.com:8080/docs/a?q=1",
    );
    expect(redact("expected a/b and/or 1/2")).toBe("expected a/b and/or 1/2");
  });

  it("has no stack", () => {
    const { stack = "" } = new Error("no luck");
    expect(stack).toMatch(/\n\s+at /);
    expect(redact(stack)).toBe("Error: no luck");
    expect(redact("no luck\r\n    at f (file:///a/b.js:1:2)\r\n    at g")).toBe("no luck");
  });

  it("is at most 500 characters and an ellipsis", () => {
    expect(redact("x".repeat(500))).toBe("x".repeat(500));
    expect(redact("x".repeat(501))).toBe(`${"x".repeat(500)}…`);
  });

  it("takes linear time", () => {
    const started = performance.now();
    const pieces = ["/a", "eyJ", "a-eyJ", "x://", "x://a:", "../", "-/a", "token ", "token=", "?key", "api-key:\t"];
    for (const piece of pieces) redact(piece.repeat(50_000));
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe("the message of anything thrown", () => {
  it.each([
    [new Error("no"), "no"],
    [{ message: "plain" }, "plain"],
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [{ message: 7 }, "[object Object]"],
  ])("%j", (thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });
});
