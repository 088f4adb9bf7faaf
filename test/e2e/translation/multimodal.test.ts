/** A person's content other than text, as it reaches a model over HTTP. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openaiModel } from "../../../src/agents/models/openai.ts";
import { EventType, type Message, type RunAgentInput } from "../../../src/protocol/events.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { chatGraph } from "../../support/stepped-model.ts";
import { completion, type OpenAIEndpoint, openaiEndpoint } from "./openai-endpoint.ts";
import { said, stored, turn } from "./turns.ts";

let endpoint: OpenAIEndpoint;
let sluice: TestSluice;

beforeAll(async () => {
  endpoint = await openaiEndpoint();
  const { baseUrl } = endpoint;
  sluice = await startSluice({ main: { graph: chatGraph(openaiModel({ baseUrl, model: "mock" })) } });
});
afterAll(async () => {
  await sluice.close();
  await endpoint.close();
});

const BYTES = Buffer.from("not really a picture").toString("base64");
const data = (mimeType: string) => ({ type: "data", value: BYTES, mimeType });
const inline = (mimeType: string) => `data:${mimeType};base64,${BYTES}`;

const parts: [string, object, object][] = [
  [
    "an image",
    { type: "image", source: data("image/png") },
    { type: "image_url", image_url: { url: inline("image/png") } },
  ],
  [
    "an image by its address",
    { type: "image", source: { type: "url", value: "https://example.com/cat.png" } },
    { type: "image_url", image_url: { url: "https://example.com/cat.png" } },
  ],
  [
    "audio",
    { type: "audio", source: data("audio/wav") },
    { type: "input_audio", input_audio: { data: BYTES, format: "wav" } },
  ],
  [
    "a document",
    { type: "document", source: data("application/pdf") },
    { type: "file", file: { file_data: inline("application/pdf"), filename: "document" } },
  ],
  [
    "a document with a name",
    { type: "document", source: data("application/pdf"), metadata: { filename: "plan.pdf" } },
    { type: "file", file: { file_data: inline("application/pdf"), filename: "plan.pdf" } },
  ],
  [
    "a document the provider keeps",
    { type: "document", source: { type: "file", value: "file-123" } },
    { type: "file", file: { file_id: "file-123" } },
  ],
  [
    "a binary part of an older client, as the picture it is",
    { type: "binary", mimeType: "image/jpeg", data: BYTES },
    { type: "image_url", image_url: { url: inline("image/jpeg") } },
  ],
  [
    "a binary part of an older client, as the document it is",
    { type: "binary", mimeType: "application/pdf", data: BYTES, filename: "old.pdf" },
    { type: "file", file: { file_data: inline("application/pdf"), filename: "old.pdf" } },
  ],
];

describe("a message with parts", () => {
  it.each(parts)("brings the model %s, after its text", async (_, part, seen) => {
    endpoint.answer(completion([{ content: "I see." }]));
    const content = [{ type: "text", text: "What is this?" }, part];
    const message = { id: "u", role: "user", content } as unknown as Message;
    const events = await turn(sluice.url, "main", userInput("", { messages: [message] }));
    expect(said(events)).toEqual(["I see."]);
    expect(endpoint.asked.at(-1)).toMatchObject({
      messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, seen] }],
    });
  });

  it("is shown and kept as it was sent, and still there for the model's next turn", async () => {
    const content = [
      { type: "text" as const, text: "What is this?" },
      { type: "image" as const, source: { type: "data" as const, value: BYTES, mimeType: "image/png" } },
    ];
    const message: Message = { id: "u", role: "user", content };
    const input: RunAgentInput = userInput("", { messages: [message] });
    const { threadId } = input;
    endpoint.answer(completion([{ content: "A cat." }]), completion([{ content: "Still a cat." }]));
    const events = await turn(sluice.url, "main", input);
    expect(events[0]).toMatchObject({ type: EventType.RUN_STARTED, input: { messages: [message] } });
    const held = await stored(sluice.url, threadId);
    expect(held[0]).toEqual(message);

    const next: Message = { id: "u2", role: "user", content: "Sure?" };
    const second = await turn(sluice.url, "main", userInput("", { threadId, messages: [...held, next] }));
    expect(second[0]).toMatchObject({ input: { messages: [next] } }); // the picture was already known
    expect(endpoint.asked.at(-1)).toMatchObject({
      messages: [
        { content: [{ type: "text" }, { type: "image_url", image_url: { url: inline("image/png") } }] },
        { role: "assistant" },
        { role: "user", content: "Sure?" },
      ],
    });
  });
});
