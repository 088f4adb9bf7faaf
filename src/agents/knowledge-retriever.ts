import { Document } from "@langchain/core/documents";
import { BaseRetriever } from "@langchain/core/retrievers";
import { type DocumentIndex, excerpt } from "./documents.ts";

const MAX_PASSAGES = 4;
/** In characters. */
const MAX_PASSAGE = 1_500;
/** A match that covers less of the query than this is a coincidence. */
const MIN_COVERAGE = 0.5;

/**
 * Finds passages in a knowledge base. It is a LangChain retriever, so tracers see it, and it makes `on_retriever_*`
 * events. Sluice sends these only if `STREAM_ALLOWED_EVENTS` has them, because they hold whole passages.
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
