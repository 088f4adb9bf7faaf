/** The TypeScript blocks, type-checked as strictly as possible, each in the file that the document names. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../package/packed.ts";
import { codeBlock, ROOT, rowFor } from "./code-blocks.ts";

interface Surroundings {
  /** Its place in a project. */
  readonly file?: string;
  /** The code that a project has before it, and after. */
  readonly before?: string;
  readonly after?: string;
  /** Other files. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The surroundings of the blocks that need only packages of this checkout. */
export const TYPED: Readonly<Record<string, Surroundings>> = {
  "docs/embedding.md › Several processes": {
    files: {
      "my-graph.d.mts": 'export declare const graph: import("langgraph-sluice").ServedGraph;',
    },
  },
  "docs/embedding.md › Hono, Next.js and other frameworks of web standards 2": {
    file: "app/ai/[...path]/route.ts",
    files: {
      "graph.ts": `import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
        const builder = new StateGraph(MessagesAnnotation).addNode("answer", () => ({})).addEdge(START, "answer");
        export const graph = builder.compile();`,
    },
  },
  "docs/frontends.md › LangGraph's useStream": {},
  "docs/frontends.md › The AI SDK's useChat": {},
  "docs/frontends.md › Plain React": {},
  "docs/why-tokens-dont-stream.md › unseen-model-call": {
    before: `import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
      import type { BaseMessage } from "@langchain/core/messages";
      import type { RunnableConfig } from "@langchain/core/runnables";
      interface State { messages: BaseMessage[] }
      declare const model: BaseChatModel;`,
    after: "export { answer };",
  },
  "docs/why-tokens-dont-stream.md › tokens-not-reported": {
    before: `import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
      import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
      import type { BaseMessage } from "@langchain/core/messages";
      import type { ChatGenerationChunk } from "@langchain/core/outputs";
      export abstract class Mine extends SimpleChatModel {
        abstract chunks(messages: BaseMessage[], options: unknown): AsyncIterable<ChatGenerationChunk>;`,
    after: "}",
  },
};

/** Around the blocks that need packages of others, with the folder that has those. */
export const TYPED_ELSEWHERE: Readonly<Record<string, Surroundings & { readonly modules: Modules }>> = {
  "docs/frontends.md › CopilotKit": { modules: "examples/copilotkit-next" },
  "docs/frontends.md › assistant-ui": { modules: "examples/assistant-ui" },
  "docs/frontends.md › TanStack AI": { modules: "test/clients" },
};

type Modules = "examples/copilotkit-next" | "examples/assistant-ui" | "test/clients";

/**
 * Type-checks a block of the second kind. Packages that are missing in the folder `modules`, such as the compiler, are
 * found above it.
 */
export async function complaintsElsewhere(id: string): Promise<string> {
  const { modules, ...surroundings } = rowFor(TYPED_ELSEWHERE, id);
  mkdirSync(join(ROOT, "test", ".tmp"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, "test", ".tmp", "typed-"));
  symlinkSync(join(ROOT, modules, "node_modules"), join(folder, "node_modules"), "junction");
  return complaints(id, surroundings, folder).finally(() => rmSync(folder, { recursive: true, force: true }));
}

/** Type-checks a block in a folder that has its packages. Gives the compiler's complaints, one a line. */
export async function complaints(
  id: string,
  { file, before = "", after = "", files = {} }: Surroundings,
  folder: string,
) {
  const { info, code } = codeBlock(id);
  const path = file ?? `block.${info}`;
  const all = { ...files, [path]: `${before}\n${code}\n${after}`, "styles.d.ts": 'declare module "*.css";' };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true, // the declarations of others
    noEmit: true,
    jsx: "react-jsx",
    target: "es2023",
    lib: ["es2023", "dom", "dom.iterable"],
    module: "esnext",
    moduleResolution: "bundler",
    types: ["node", "react"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: Object.keys(all) }));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  return run(process.execPath, [tsc, "-p", "tsconfig.json"], folder).catch((error: Error) => error.message);
}
