import { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openaiModel } from "../../src/agents/models/openai.ts";

describe("openaiModel", () => {
  const server = new LLMock({ port: 0 });
  beforeAll(async () => {
    server.onMessage("hello", { content: "Hello from a server that asks for no key." });
    await server.start();
  });
  afterAll(() => server.stop());

  it("streams from the base URL without a key, and asks for the usage", async () => {
    const model = openaiModel({ baseUrl: `${server.url}/v1`, model: "any-model" });
    const chunks = [];
    for await (const chunk of await model.stream("hello")) chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks.map((chunk) => chunk.text).join("")).toBe("Hello from a server that asks for no key.");
    expect(chunks.some((chunk) => chunk.usage_metadata !== undefined)).toBe(true);
    expect(server.getLastRequest()).toMatchObject({
      path: "/v1/chat/completions",
      body: { model: "any-model", stream: true, stream_options: { include_usage: true } },
    });
  });

  it("speaks the Responses API when asked to", async () => {
    const model = openaiModel({ baseUrl: `${server.url}/v1`, apiKey: "k", model: "any-model", useResponsesApi: true });
    expect((await model.invoke("hello")).text).toContain("no key");
    expect(server.getLastRequest()?.path).toBe("/v1/responses");
  });

  it("takes nothing from the environment", () => {
    process.env.OPENAI_BASE_URL = "http://elsewhere.invalid/v1";
    try {
      expect(openaiModel({ apiKey: "k", model: "m" }).clientConfig?.baseURL).toBe("https://api.openai.com/v1");
    } finally {
      delete process.env.OPENAI_BASE_URL;
    }
    expect(() => openaiModel({ model: "m" })).toThrow(/API key or a base URL/);
  });
});
