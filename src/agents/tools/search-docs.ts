import { tool } from "@langchain/core/tools";
import { z } from "zod";
import { documentIndex, excerpt, readable, type SourceDocument } from "../documents.ts";

/** One answer of `search_docs`, which returns them as a JSON array. */
export interface FoundExcerpt {
  title: string;
  source: string;
  excerpt: string;
}

const MAX_SECTIONS = 3;
/** In characters. */
const MAX_EXCERPT = 800;

/** Searches Markdown documents by section. */
export function searchDocs(documents: readonly SourceDocument[]) {
  const index = documentIndex(documents.map(({ source, text }) => ({ source, text: readable(text) })));

  return tool(
    ({ query }) => {
      const found = index.search(query).slice(0, MAX_SECTIONS);
      if (found.length === 0) return `No section of the documents matches "${query}".`;
      return JSON.stringify(
        found.map(
          (section): FoundExcerpt => ({
            title: section.title,
            source: section.source,
            excerpt: excerpt(section, MAX_EXCERPT),
          }),
        ),
      );
    },
    {
      name: "search_docs",
      description: "Search Sluice's documentation. Returns the best sections with their title, source and an excerpt.",
      schema: z.object({ query: z.string().min(1).max(300).describe("What to look for: a question or a few words.") }),
    },
  );
}
