/** Two agents on one thread. The second kills its process while the thread is being deleted, as a crash would. */
import { project } from "./child.ts";
import { userInput } from "./sse-client.ts";

const GREETING = `
  import { END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
  const greeting = () =>
    new StateGraph(MessagesAnnotation)
      .addNode("greet", () => ({ messages: [{ role: "assistant", content: "Hello." }] }))
      .addEdge(START, "greet")
      .addEdge("greet", END);
`;

const DEADLY = `${GREETING}
  class Deadly extends MemorySaver {
    async deleteThread(threadId) {
      if (process.env.DEADLY) process.kill(process.pid, "SIGKILL");
      await super.deleteThread(threadId);
    }
  }
  export const deadly = greeting().compile({ checkpointer: new Deadly() });
`;

/** Makes the process that is started with it die in the middle of a deletion. */
export const DIES = { DEADLY: "1" };

/** A folder with the agents `kept`, whose checkpoints the server keeps, and `deadly`. */
export const deadlyProject = () =>
  project({ "kept.mjs": `${GREETING} export const kept = greeting().compile();`, "deadly.mjs": DEADLY });

/** Files of the folder as arguments of `serve`. */
export const GRAPHS = ["kept.mjs", "deadly.mjs"];

/** Says something to each of these agents on a new thread, and gives the thread. */
export async function talk(url: string, agents: readonly string[] = ["kept", "deadly"]): Promise<string> {
  const { threadId } = userInput("hello");
  for (const agent of agents) {
    const answer = await fetch(`${url}/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ threadId, agent, message: "hello" }),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }
  return threadId;
}

/** Tables that keep something of a thread, under the column `thread_id`. */
export const KEEPS = ["threads", "messages", "runs", "checkpoints", "checkpoint_writes", "injected", "shares"];
