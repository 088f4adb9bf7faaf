import { expect, it } from "vitest";
import { type MessageLike, type Part, partsOf } from "../../src/translate/content.ts";

const thought = (text: string): Part => ({ kind: "reasoning", text });
const said = (text: string): Part => ({ kind: "text", text });
const sealed = (value: string): Part => ({ kind: "encrypted", value });

it.each<[string, MessageLike, Part[]]>([
  [
    "Mistral's thinking, a list of texts",
    {
      content: [
        {
          type: "thinking",
          thinking: [
            { type: "text", text: "One " },
            { type: "text", text: "plus." },
          ],
        },
      ],
    },
    [thought("One plus.")],
  ],
  [
    "Anthropic's thinking, a text",
    { content: [{ type: "thinking", thinking: "Hm.", signature: "SIG" }] },
    [thought("Hm."), sealed("SIG")],
  ],
  [
    "Bedrock's thinking with its signature",
    { content: [{ type: "reasoning_content", reasoningText: { text: "Hm.", signature: "SIG" } }] },
    [thought("Hm."), sealed("SIG")],
  ],
  [
    "Bedrock's signature alone",
    { content: [{ type: "reasoning_content", reasoningText: { signature: "SIG" } }] },
    [sealed("SIG")],
  ],
  [
    "Bedrock's redacted thinking",
    { content: [{ type: "reasoning_content", redactedContent: "b64" }] },
    [sealed("b64")],
  ],
  ["a refusal beside empty content", { content: [], additional_kwargs: { refusal: "I cannot." } }, [said("I cannot.")]],
  ["a refusal that is null", { content: "Yes.", additional_kwargs: { refusal: null } }, [said("Yes.")]],
])("%s", (_, message, parts) => {
  expect(partsOf(message)).toEqual(parts);
});
