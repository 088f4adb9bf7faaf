/** The site that `npm run docs:build` writes, as a reader gets it. */
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { posix, resolve, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { type AxeResults, source } from "axe-core";
import express from "express";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { browserForFile } from "../support/browser.ts";

/** Bytes of all that a page loads, compressed as servers do it. */
const MOST_BYTES = 200_000;
const SITE = resolve("site", "dist");

const browser = browserForFile(); // It also sees to it that no page asks another host.
let server: Server;
let url: string;
let sent = 0;

beforeAll(async () => {
  const app = express();
  app.get("/{*path}", (request, response) => {
    const path = request.path.endsWith("/") ? `${request.path}index.html` : request.path;
    const file = /\.\w+$/.test(path) ? path : `${path}.html`;
    const content = readFileSync(`${SITE}${decodeURIComponent(file)}`);
    sent += gzipSync(content).length;
    response.type(/\.\w+$/.exec(file)?.[0] ?? "html").send(content);
  });
  server = createServer(app);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => browser.leave());
afterAll(() => new Promise((closed) => server.close(closed)));

/** Every document, and of the API reference one page of each kind: those of a kind are made alike. */
const PAGES = readdirSync(SITE, { recursive: true, encoding: "utf8" })
  .map((file) => `/${file.split(sep).join("/")}`)
  .filter((path) => path.endsWith(".html") && path !== "/404.html")
  .filter((path, index, all) => !path.startsWith("/api/") || all.findIndex((other) => alike(path, other)) === index);

function alike(path: string, other: string): boolean {
  return posix.dirname(path) === posix.dirname(other);
}

test.each(PAGES)("%s is small, asks no other host, and is accessible", async (path) => {
  sent = 0;
  const { page } = await browser.visit(`${url}${path}`);
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  await page.waitForLoadState("networkidle");
  expect(sent).toBeLessThan(MOST_BYTES);
  await page.evaluate(source);
  const { violations } = await page.evaluate<AxeResults>("axe.run({ exclude: ['.VPNav', '.VPSidebar'] })");
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)).toEqual([]);
});

test("llms.txt names every guide", () => {
  const text = readFileSync(resolve(SITE, "llms.txt"), "utf8");
  for (const name of ["graphs", "frontends", "embedding", "settings"]) expect(text).toContain(`(/docs/${name})`);
  for (const line of text.trim().split("\n").slice(2)) expect(line).toMatch(/^- \[.+\]\(\/.*\)(: [A-Z`].+)?$/);
});
