/** Two agents for one thread. The second one kills its process while the thread is deleted, like a crash. */
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

/** The environment that makes a process die in the middle of a deletion. */
export const DIES = { DEADLY: "1" };

/** Makes a folder with the agents `deadly` and `kept`, whose checkpoints the server keeps. */
export const deadlyProject = () =>
  project({ "kept.mjs": `${GREETING} export const kept = greeting().compile();`, "deadly.mjs": DEADLY });

/** The files of the folder, as arguments of `serve`. */
export const GRAPHS = ["kept.mjs", "deadly.mjs"];

/** Sends a message to each of these agents on a new thread, and returns the thread's id. */
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

/** The tables with data of a thread, all with the column `thread_id`. */
export const KEEPS = ["threads", "messages", "runs", "checkpoints", "checkpoint_writes", "injected", "shares"];
