/** The playground of a first start, and mounted in other places. */
import { resolve } from "node:path";
import { expect, test, vi } from "vitest";
import { appFromConfig } from "../../src/app/from-config.ts";
import { createSluice } from "../../src/app/sluice.ts";
import { loadConfig } from "../../src/config/config.ts";
import { createLogger } from "../../src/ops/logger.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startHost } from "../support/host.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { playgroundForFile } from "./playground.ts";

const { visit, closes } = playgroundForFile();
const folder = temporaryFolder();

test("without a key a quiet note says that the demo model answers, and how to change that", async () => {
  const env = {
    PORT: "0",
    LOG_LEVEL: "silent",
    MODEL: "demo",
    DATA_DIR: folder,
    DEMO_FIRST_TOKEN_MS: "0",
    DEMO_TOKENS_PER_SECOND: "0",
  };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value); // the agents' graphs read them too
  const config = loadConfig({ cwd: folder, packageRoot: resolve(".") });
  const app = await appFromConfig(config, resolve("."), "test", createLogger("silent"));
  closes(() => app.close());
  const { page, ask, answered, conversation, button } = await visit(await app.listen());
  await page.getByText(/A built-in demo model answers\. For a real one set OPENAI_API_KEY/).waitFor();
  await conversation.getByRole("heading", { name: "assistant" }).waitFor();
  await button("What is 12 * 7?").click();
  await answered(/84/);

  await page.getByRole("combobox", { name: "Agent" }).selectOption("portfolio");
  await button("New conversation").click();
  await ask("AAPL 10 @ 180, now 210; 5000 USD cash; 30% bonds");
  await conversation.getByText("5 steps").click();
  await conversation.getByRole("list", { name: "Steps" }).getByText("analyze_risk").waitFor();
  await conversation.getByText("State").click();
  await conversation.getByRole("group", { name: "The whole state" }).getByText('"risk"').waitFor();
});

test("below another app's path", async () => {
  const model = new SteppedModel();
  const sluice = createSluice({ agents: { chat: chatGraph(model) }, basePath: "/ai", playground: true });
  const host = await startHost((app, server) => {
    app.use("/ai", sluice.router);
    sluice.attach(server);
  });
  closes(async () => {
    await host.close();
    await sluice.close();
  });
  const { page, ask, answered, chooseTransport } = await visit(`${host.url}/ai`);
  expect(new URL(page.url()).pathname).toBe("/ai/");
  for (const transport of ["WebSocket frames", "WebSocket bare", "SSE"]) {
    await chooseTransport(transport);
    model.say(`Over ${transport}.`).end();
    await ask(`How about ${transport}?`);
    await answered(`Over ${transport}.`);
  }
});
