import { defineConfig, loadEnv } from "vite";

// The page and the agent have the same origin, so no other origin must be allowed.
const { PORT = "8123", PAGE_PORT = "5173", AGENT_URL = `http://127.0.0.1:${PORT}` } = loadEnv("", process.cwd(), "");

export default defineConfig({
  server: {
    host: "127.0.0.1",
    port: Number(PAGE_PORT),
    proxy: { "/ws": { target: AGENT_URL, ws: true } },
  },
});
