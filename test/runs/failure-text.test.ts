/** The error of a real model client for an endpoint that does not exist or lacks the path. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ChatOpenAI } from "@langchain/openai";
import { describe, expect, it } from "vitest";
import { failureText } from "../../src/runs/failure-text.ts";

/** The error of a model call there; the endpoint answers 404 with `body`, or is closed when there is none. */
async function failure(body: string | undefined): Promise<{ text: string; port: number }> {
  const server = createServer((_, response) => response.writeHead(404).end(body));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  if (body === undefined) server.close();
  const configuration = { baseURL: `http://127.0.0.1:${port}` };
  const model = new ChatOpenAI({ model: "m", apiKey: "none", maxRetries: 0, configuration });
  const thrown = await model.invoke("hello").catch((error: unknown) => error);
  server.close();
  return { text: failureText(thrown), port };
}

describe("the text of a failure", () => {
  it("names the address that could not be reached", async () => {
    const { text, port } = await failure(undefined);
    expect(text).toContain(`ECONNREFUSED 127.0.0.1:${port}`);
  });

  it("suggests the /v1 that a base URL lacks", async () => {
    expect((await failure("404 page not found")).text).toContain("lack its /v1?");
  });

  it("suggests nothing when it is the model that is not there", async () => {
    const body = JSON.stringify({ error: { message: "The model `m` does not exist" } });
    expect((await failure(body)).text).not.toContain("/v1");
  });

  it("of several addresses names the first, and bears causes that go round", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED ::1:1"), {
      code: "ECONNREFUSED",
      syscall: "connect",
    });
    const several = new Error("Connection error.", { cause: new AggregateError([refused]) });
    expect(failureText(several)).toBe("Connection error: connect ECONNREFUSED ::1:1");
    const round = new Error("round");
    round.cause = round;
    expect(failureText(round)).toBe("round");
  });
});
