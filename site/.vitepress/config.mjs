import { defineConfig } from "vitepress";

const page = (text, path) => ({ text, link: `/${path}` });

/** Makes a heading's anchor as GitHub does, so that links between the documents work in the repository too. */
const slugify = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, "")
    .replace(/\s/g, "-");

export default defineConfig({
  title: "Sluice",
  description: "Serves any compiled LangGraph.js graph to chat frontends as AG-UI events.",
  srcDir: "pages",
  outDir: "dist",
  // The site loads nothing from another host. Its fonts are those of the reader's system.
  head: [["link", { rel: "icon", href: "data:," }]],
  rewrites: { "env-example.md": ".env.example.md" },
  // A page does not preload the pages that it links to.
  router: { prefetchLinks: false },
  // Themes with enough contrast.
  markdown: {
    anchor: { slugify },
    image: { lazyLoading: true },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  vite: { server: { host: "127.0.0.1" } },
  themeConfig: {
    search: { provider: "local" },
    nav: [page("Guide", "docs/graphs"), page("Protocol", "PROTOCOL"), page("API", "api/")],
    sidebar: [
      {
        text: "Begin",
        items: [
          page("What it is", ""),
          page("Serving your own graph", "docs/graphs"),
          page("Connecting a frontend", "docs/frontends"),
          page("Embedding", "docs/embedding"),
          page("LangGraph's own clients", "docs/langgraph-api"),
          page("The agents that ship", "docs/agents"),
          page("In a terminal", "docs/terminal"),
          page("Examples", "examples/"),
        ],
      },
      {
        text: "Run it",
        items: [
          page("Settings", "docs/settings"),
          page("Sign-in and ownership", "docs/auth"),
          page("Runs", "docs/runs"),
          page("Deploying", "docs/deploying"),
          page("Scaling", "docs/scaling"),
          page("Performance", "docs/performance"),
          page("Operating", "docs/operating"),
          page("Why don't my tokens stream?", "docs/why-tokens-dont-stream"),
          page("Auditing what leaves", "docs/audit"),
        ],
      },
      {
        text: "Reference",
        items: [
          page("The protocol", "PROTOCOL"),
          page("A binding for AG-UI", "docs/binding"),
          page("API", "api/"),
          page("Architecture", "ARCHITECTURE"),
          page("Contributing", "CONTRIBUTING"),
          page("Security", "SECURITY"),
          page("Changelog", "CHANGELOG"),
        ],
      },
    ],
  },
});
