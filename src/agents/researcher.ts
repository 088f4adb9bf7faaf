import type { Document } from "@langchain/core/documents";
import { type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import {
  Annotation,
  END,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { completeHistory } from "../authoring/history.ts";
import { contentWords, documentIndex, type SourceDocument } from "./documents.ts";
import { KnowledgeRetriever } from "./knowledge-retriever.ts";
import { type Models, nodeModel } from "./node-model.ts";

/** The parts of a {@link researcher}. */
export interface ResearcherOptions extends Models {
  /** Keeps the threads. Without one every question stands alone. */
  checkpointer?: BaseCheckpointSaver;
  /** The knowledge base. */
  documents: readonly SourceDocument[];
}

/** A passage that the answer may cite, as clients see it: its place, without its text. */
export interface Source {
  /** The number in brackets by which the answer cites it. */
  readonly id: number;
  readonly file: string;
  readonly heading: string;
}

// Sluice sends the text between these tags as reasoning. A model that reasons by itself does not need this instruction;
// other models reason because of it. It is given twice, since models forget what they read long before.
const THINK_FIRST = `First think between <think> and </think>: which passages answer the question, and what do they
leave open? Then write the answer after </think>.`;

const SYSTEM_PROMPT = new SystemMessage(
  `You answer questions from a knowledge base. What you know comes from the passages that are given with the question,
and from nowhere else: what they do not say you do not know, and you say so.
After each statement, cite the passage it comes from by its number: [1]. Answer in the person's language, briefly.
${THINK_FIRST}`,
);

// `sources` is meant for clients: agents.json exposes it. `passages` is for the model alone.
const ResearchState = Annotation.Root({
  ...MessagesAnnotation.spec,
  passages: Annotation<Document[]>,
  sources: Annotation<Source[]>,
});

type State = typeof ResearchState.State;

/** Looks a question up in a knowledge base, and answers from what was found: `retrieve`, then `answer`. */
export function researcher({ checkpointer, documents, ...models }: ResearcherOptions) {
  const retriever = new KnowledgeRetriever(documentIndex(documents));
  const topics = documents.map(({ source, text }) => /^#\s+(.+)$/m.exec(text)?.[1] ?? source);

  const retrieve = async ({ messages }: State, config: LangGraphRunnableConfig) => {
    const passages = await retriever.invoke(searchQuery(messages), config);
    const sources = passages.map(
      ({ metadata: { file, heading } }, index): Source => ({ id: index + 1, file, heading }),
    );
    config.writer?.({ name: "sources", value: sources }); // a frontend can show them before the answer begins
    return { passages, sources };
  };

  // The passages go to the model with the question and are never stored: the state keeps what was said.
  const answer = async ({ messages, passages }: State, config: LangGraphRunnableConfig) => {
    const prompt = [SYSTEM_PROMPT, ...completeHistory(withReminder(messages, reminder(passages, topics)))];
    return { messages: [await nodeModel(models, config).invoke(prompt, config)] };
  };

  return new StateGraph(ResearchState)
    .addNode("retrieve", retrieve)
    .addNode("answer", answer)
    .addEdge(START, "retrieve")
    .addEdge("retrieve", "answer")
    .addEdge("answer", END)
    .compile({ checkpointer });
}

/** In characters, counted from the end: if a user pastes a long text, the question is usually at its end. */
const MAX_QUERY = 1_000;
const FOLLOW_UP =
  /\b(?:its?|they|them|their|these|those)\b|\b(?:why|about|does|did|do|is|was) (?:this|that)\b|\b(?:this|that|more|else)\W*$/i;

/**
 * The text to search for. "And why is that?" says little by itself, so the search also uses the questions before it.
 */
export function searchQuery(messages: readonly BaseMessage[]): string {
  const asked = messages.filter((message) => HumanMessage.isInstance(message));
  const questions = asked.map(({ text }) => text.slice(-MAX_QUERY));
  // Back to the last question that stands on its own.
  const start = questions.findLastIndex((text) => contentWords(text).length > 0 && !FOLLOW_UP.test(text));
  return questions.slice(Math.max(start, 0)).join(" ").slice(-MAX_QUERY);
}

/** The model's instructions with the question. The order to think comes last, right before the model writes. */
function reminder(passages: readonly Document[], topics: readonly string[]): string {
  if (passages.length === 0) {
    return `<passages></passages>

Nothing in the knowledge base matches. Say so, and answer nothing from memory. You may say what it has articles about:
${topics.join("; ")}.
${THINK_FIRST}`;
  }
  const listed = passages.map(
    ({ pageContent, metadata: { file, heading } }, index) =>
      `<passage id="${index + 1}" file="${file}" heading="${heading}">\n${pageContent}\n</passage>`,
  );
  return `<passages>\n${listed.join("\n")}\n</passages>

Answer from these passages alone, and cite them: [1]. If they do not answer the question, say so.
End with a line for each passage you cited: [1] file, heading.
${THINK_FIRST}`;
}

/** The conversation with the reminder in its last question: many endpoints accept no two user messages in a row. */
function withReminder(messages: readonly BaseMessage[], text: string): BaseMessage[] {
  return messages.map((message, index) => {
    if (index !== messages.findLastIndex((each) => HumanMessage.isInstance(each))) return message;
    const { id, content } = message;
    if (typeof content === "string") return new HumanMessage({ id, content: `${content}\n\n${text}` });
    return new HumanMessage({ id, content: [...content, { type: "text", text }] });
  });
}
