// An agent with two tools. One of them asks before it acts.
import { appendFile } from "node:fs/promises";
import { tool } from "@langchain/core/tools";
import { interrupt } from "@langchain/langgraph";
import { createAgent } from "langchain";
import { DemoChatModel } from "langgraph-sluice/demo";
import { z } from "zod";

// You can use any LangChain chat model here, such as `new ChatOpenAI({ model: "gpt-4o-mini" })` of @langchain/openai.
// This demo model follows a few rules and needs no API key.
const model = new DemoChatModel();

const weather = tool(({ city }) => `Sunny in ${city}, 21 °C.`, {
  name: "weather",
  description: "The weather in a city.",
  schema: z.object({ city: z.string() }),
});

const writeNote = tool(
  async ({ title, text }) => {
    // The run waits here, even for days. With the answer, the tool runs again from its beginning, so put no side
    // effects before this line.
    const { approved } = interrupt({ message: `May I write the note “${title}”?`, responseSchema: APPROVAL });
    if (!approved) return "The person said no.";
    await appendFile("notes.md", `- ${text}\n`);
    return `Wrote: ${text}`;
  },
  {
    name: "write_note",
    description: "Writes a note, after the person has approved it.",
    schema: z.object({ title: z.string(), text: z.string() }),
  },
);

const APPROVAL = { type: "object", properties: { approved: { type: "boolean" } }, required: ["approved"] };

export const graph = createAgent({ model, tools: [weather, writeNote] });
