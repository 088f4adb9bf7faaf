import { Document } from "@langchain/core/documents";
import { BaseRetriever } from "@langchain/core/retrievers";
import { type DocumentIndex, excerpt } from "./documents.ts";

const MAX_PASSAGES = 4;
/** In characters. */
const MAX_PASSAGE = 1_500;
/** A match that covers less of the query than this is a coincidence. */
const MIN_COVERAGE = 0.5;

/**
 * Finds passages in a knowledge base. Being a LangChain retriever it is seen as one, by tracers and as `on_retriever_*`
 * events, which Sluice lets out only where `STREAM_ALLOWED_EVENTS` says so: they hold whole passages.
 */
export class KnowledgeRetriever extends BaseRetriever {
  lc_namespace = ["sluice", "retrievers"];
  readonly #index: DocumentIndex;

  constructor(index: DocumentIndex) {
    super();
    this.#index = index;
  }

  override async _getRelevantDocuments(query: string): Promise<Document[]> {
    return this.#index
      .search(query)
      .filter(({ coverage }) => coverage >= MIN_COVERAGE)
      .slice(0, MAX_PASSAGES)
      .map((section) => {
        const heading = [section.trail, section.title].filter(Boolean).join(" > ");
        return new Document({
          pageContent: excerpt(section, MAX_PASSAGE),
          metadata: { file: section.source, heading },
        });
      });
  }
}
