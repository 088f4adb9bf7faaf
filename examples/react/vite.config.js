import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The page and the agent have one address, so there is no other origin to allow.
const agent = process.env.AGENT_URL ?? `http://127.0.0.1:${process.env.PORT ?? 8123}`;

export default defineConfig({
  plugins: [react()],
  server: {
    host: "127.0.0.1",
    port: Number(process.env.PAGE_PORT ?? 5173),
    proxy: { "/ws": { target: agent, ws: true } },
  },
});
