import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { verifyRun } from "../support/verify.ts";
import { corrections, everything, nodeEnd, toolEnd, translate, update } from "./events.ts";

const png = { type: "data", value: "iVBORw0KGgo=", mimeType: "image/png" };
const picture = { type: "image", source: png };
const chart = { type: "text", text: "a chart" };

function message(content: unknown, more: object = {}): ToolMessage {
  return new ToolMessage({ id: "r1", tool_call_id: "c1", content: content as string, ...more });
}

/** A tool's run that comes to this message, in the node that returns it. */
function events(result: ToolMessage) {
  const place = { call: "c1", node: "tools" };
  return [toolEnd("t", "look", result, place), nodeEnd("tools", { output: update(result) })];
}

function resultOf(sent: readonly AguiEvent[]) {
  return sent.find((event) => event.type === EventType.TOOL_CALL_RESULT);
}

describe("a tool's result", () => {
  it.each<[string, unknown, unknown]>([
    ["a text", "row 1", "row 1"],
    ["one block of text", [{ type: "text", text: "row 1" }], "row 1"],
    ["several blocks of text, a line each", [{ type: "text", text: "row 1" }, "row 2"], "row 1\nrow 2"],
    ["nothing", [], ""],
    ["JSON beside a text", [chart, { type: "json", json: { x: 1 } }], 'a chart\n{"type":"json","json":{"x":1}}'],
    [
      "what another model said, without its thoughts and calls",
      [{ type: "thinking", thinking: "secret" }, chart, { type: "tool_use", id: "x", name: "y", input: {} }],
      "a chart",
    ],
    ["another model's thoughts alone", [{ type: "thinking", thinking: "secret" }], ""],
    [
      "LangChain's image, beside a text",
      [chart, { type: "image", source_type: "base64", mime_type: "image/png", data: png.value }],
      [chart, picture],
    ],
    ["LangChain's newer image, and MCP's", [{ type: "image", mimeType: "image/png", data: png.value }], [picture]],
    [
      "Anthropic's image",
      [{ type: "image", source: { type: "base64", media_type: "image/png", data: png.value } }],
      [picture],
    ],
    [
      "OpenAI's image, as a data URL",
      [{ type: "image_url", image_url: { url: `data:image/png;base64,${png.value}` } }],
      [picture],
    ],
    [
      "an image at an address",
      [{ type: "input_image", image_url: "https://x.test/i.png" }],
      [{ type: "image", source: { type: "url", value: "https://x.test/i.png" } }],
    ],
    [
      "OpenAI's audio",
      [{ type: "input_audio", input_audio: { data: "UklG", format: "wav" } }],
      [{ type: "audio", source: { type: "data", value: "UklG", mimeType: "audio/wav" } }],
    ],
    [
      "a file",
      [{ type: "file", source_type: "base64", mime_type: "application/pdf", data: "JVBE" }],
      [{ type: "document", source: { type: "data", value: "JVBE", mimeType: "application/pdf" } }],
    ],
    [
      "an embedded resource",
      [{ type: "resource", resource: { uri: "x://1", mimeType: "image/png", blob: png.value } }],
      [picture],
    ],
    [
      "a file that its provider keeps",
      [{ type: "file", source_type: "id", id: "file-1" }],
      [{ type: "document", source: { type: "file", value: "file-1" } }],
    ],
    [
      "an address that a page may not load",
      [{ type: "image_url", image_url: { url: "javascript:alert(1)" } }],
      '{"type":"image_url","image_url":{"url":"javascript:alert(1)"}}',
    ],
  ])("of %s", async (_, content, sent) => {
    const run = translate(events(message(content, { artifact: { secret: 1 } })));
    expect(resultOf(run)).toMatchObject({ toolCallId: "c1", content: sent });
    expect(everything(run)).not.toContain("secret");
    await verifyRun(run);
    expect(corrections(events(message(content)))).toEqual([]);
  });

  it("has files within a bound, and says what was left out", () => {
    const image = (data: string) => ({ type: "image", mimeType: "image/png", data });
    const run = translate(events(message([image("A".repeat(1_500_000)), image("B".repeat(1_000_000)), image("C")])));
    const content = resultOf(run)?.content as { type: string; text?: string }[];
    expect(content.map(({ type, text }) => text ?? type)).toEqual([
      "image",
      "[image left out: 1000000 bytes]",
      "image",
    ]);
  });

  it("that says what went wrong has it as its error, without paths and keys, and is not corrected", async () => {
    const failed = message("Error: open '/srv/app/keys.json' with sk-abcdef123456", { status: "error" });
    const run = translate(events(failed));
    const error = "Error: open '<path>' with <key>";
    expect(resultOf(run)).toMatchObject({ content: error, metadata: { error } });
    await verifyRun(run);
    expect(corrections(events(failed))).toEqual([]);
  });

  it("is replaced by what a guard makes of it, parts or not", () => {
    const image = { type: "image", mimeType: "image/png", data: png.value };
    const guarded = (content: unknown) => [
      ...events(message([chart, image])),
      nodeEnd("guard", { output: update(message(content)) }),
    ];
    expect(corrections(guarded([chart, image]))).toEqual([]);
    expect(corrections(guarded("hidden"))).toEqual(['r1="hidden"']);
    expect(corrections(guarded([image]))).toEqual([`r1=${JSON.stringify([picture])}`]);
  });
});

describe("a message's name arrives", () => {
  const started = (sent: readonly AguiEvent[]) => sent.find(({ type }) => type === EventType.TEXT_MESSAGE_START);

  it("of a message that a node returns", async () => {
    const run = translate([
      nodeEnd("n", { output: update(new AIMessage({ id: "m", content: "Hi", name: "critic" })) }),
    ]);
    expect(started(run)).toMatchObject({ messageId: "m", name: "critic" });
    await verifyRun(run);
  });
});
