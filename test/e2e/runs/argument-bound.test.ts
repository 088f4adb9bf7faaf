/** A model that streams more tool-call arguments than its agent allows. */
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { AIMessageChunk } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";

const PIECE = "x".repeat(1_000);
const PIECES = 4_000;

/** Writes one argument of four megabytes, a thousand characters at a time. */
class WritingModel extends SteppedModel {
  pieces = 0;

  override async *_streamResponseChunks(
    _messages: unknown,
    { signal }: this["ParsedCallOptions"],
    manager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for (let index = 0; index < PIECES; index += 1) {
      signal?.throwIfAborted();
      const [id, name] = index === 0 ? ["c", "write"] : [undefined, undefined];
      const args = `${index === 0 ? '{"text":"' : ""}${PIECE}`;
      const tool_call_chunks = [{ type: "tool_call_chunk" as const, index: 0, id, name, args }];
      const chunk = new ChatGenerationChunk({
        text: "",
        message: new AIMessageChunk({ content: "", tool_call_chunks }),
      });
      this.pieces += 1;
      yield chunk;
      await manager?.handleLLMNewToken("", undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

const models = { usual: new WritingModel(), narrow: new WritingModel() };
let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice({
    usual: { graph: chatGraph(models.usual) },
    narrow: { graph: chatGraph(models.narrow), entry: { maxToolArgumentBytes: 10_000 } },
  });
});
afterAll(() => sluice.close());

it.each([
  ["usual", 262_144],
  ["narrow", 10_000],
] as const)("fails the run of the %s agent after %d bytes, and stops the model", async (agent, bytes) => {
  const { done } = await postRun(sluice.url, userInput("write"), `/agui/agent/${agent}/run`);
  const events = await done;
  await verifyRun(events);
  expect(events.at(-1)).toMatchObject({
    type: "RUN_ERROR",
    code: "model_error",
    message: expect.stringContaining(`${bytes} bytes of tool-call arguments: maxToolArgumentBytes`),
  });
  expect(models[agent].pieces).toBeLessThanOrEqual(bytes / 1_000 + 3);
});
