/** The AI SDK's adapter for LangChain with the bench's graph, in a server of Node's own. */
import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { toUIMessageStream } from "@ai-sdk/langchain";
import { pipeUIMessageStreamToResponse } from "ai";
import { answer, cpuMicros, startCpu } from "../child.ts";
import { graph } from "./built/graph.mjs";

async function listen() {
  const server = createServer(async (request, response) => {
    const stream = await graph.stream(await json(request), { streamMode: ["values", "messages"] });
    await pipeUIMessageStreamToResponse({ response, stream: toUIMessageStream(stream) });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

answer({ listen, startCpu, cpuMicros });
