/** Serves the pages of `pages/`, one for each client, bundled with the client's package from npm. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { build } from "esbuild";

const PAGES = resolve("test/clients/pages");

export interface PageServer {
  /** Returns the address of a client's page, for a thread of an agent at `base`. */
  page(client: string, place: { readonly base: string; readonly agent: string; readonly thread: string }): string;
  close(): Promise<void>;
}

export async function pageServer(): Promise<PageServer> {
  const scripts = new Map<string, Promise<string>>();
  const scriptOf = (client: string) => {
    const script = scripts.get(client) ?? bundled(client);
    scripts.set(client, script);
    return script;
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://host");
    const [, client = "", file] = pathname.split("/");
    if (file !== "page.js") {
      response.setHeader("content-type", "text/html");
      response.end(
        `<!doctype html><title>${client}</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/${client}/page.js"></script>`,
      );
      return;
    }
    response.setHeader("content-type", "text/javascript");
    scriptOf(client).then(
      (text) => response.end(text),
      (error: unknown) => response.end(`document.title = ${JSON.stringify(String(error))}`),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    page: (client, place) => `${url}/${client}/?${new URLSearchParams({ ...place })}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function bundled(client: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${PAGES}/main.jsx`],
    alias: { client: `${PAGES}/${client}.jsx` },
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    loader: { ".css": "empty" },
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}
