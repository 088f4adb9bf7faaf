/** A run of more than a thousand events: reasoning, text, tools and steps. Each is a separate entry. */
import { randomUUID } from "node:crypto";
import { setImmediate as endOfTurn } from "node:timers/promises";
import type { ChatGenerationChunk } from "@langchain/core/outputs";
import type { RunAgentInput } from "../../../src/protocol/events.ts";
import type { TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { openSse, type SseFrame } from "../../support/sse-frames.ts";
import { SteppedModel } from "../../support/stepped-model.ts";
import { weatherGraph } from "./weather.ts";

const ROUNDS = 6;
const THOUGHTS = 50;
const WORDS = 110;

/** Produces one token per turn of the event loop, so that no tokens are merged in the log. */
class Unhurried extends SteppedModel {
  override async *_streamResponseChunks(
    ...parameters: Parameters<SteppedModel["_streamResponseChunks"]>
  ): AsyncGenerator<ChatGenerationChunk> {
    for await (const chunk of super._streamResponseChunks(...parameters)) {
      yield chunk;
      await endOfTurn();
      await endOfTurn();
      await endOfTurn();
    }
  }
}

/** One graph for one long run. */
export function longGraph() {
  const model = new Unhurried();
  const numbered = (what: string, count: number) => Array.from({ length: count }, (_, index) => `${what}${index} `);
  for (let round = 0; round < ROUNDS; round += 1) {
    model.think(...numbered("hm", THOUGHTS)).say(...numbered("word", WORDS));
    model.call("weather", { city: `City ${round}` }, `call-${randomUUID()}`).end();
  }
  model.say("That ", "is ", "all.").end();
  return weatherGraph(model);
}

export interface LongRun {
  readonly input: RunAgentInput;
  /** The events of a client that was never cut. */
  readonly frames: readonly SseFrame[];
}

/** Runs `agent`, which serves a `longGraph`, to its end, and reads its events. */
export async function longRun({ url }: TestSluice, agent: string): Promise<LongRun> {
  const input = userInput("Tell me everything.");
  const reader = await openSse(`${url}/agui/agent/${agent}/run`, input);
  return { input, frames: await reader.done };
}
