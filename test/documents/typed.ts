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
  return complaints({ [id]: surroundings }, folder).finally(() => rmSync(folder, { recursive: true, force: true }));
}

/**
 * Type-checks blocks in a folder that has their packages, each block in a folder inside it that has its name. Gives the
 * compiler's complaints, one a line.
 */
export async function complaints(blocks: Readonly<Record<string, Surroundings>>, folder: string): Promise<string> {
  const files = Object.entries(blocks).flatMap(([id, surroundings]) => write(id, surroundings, folder));
  writeFileSync(join(folder, "styles.d.ts"), 'declare module "*.css";');
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
    moduleDetection: "force", // The blocks are files of different projects.
    types: ["node", "react"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [...files, "styles.d.ts"] }));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  return run(process.execPath, [tsc, "-p", "tsconfig.json"], folder).catch((error: Error) => error.message);
}

/** Writes a block and its other files. Returns their paths in the folder. */
function write(id: string, { file, before = "", after = "", files = {} }: Surroundings, folder: string): string[] {
  const { info, code } = codeBlock(id);
  const all = { ...files, [file ?? `block.${info}`]: `${before}\n${code}\n${after}` };
  return Object.entries(all).map(([name, text]) => {
    const path = join(id.replaceAll(/[^\w.]+/g, "-"), name);
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    return path;
  });
}
