/** The site that `npm run docs:build` writes, as a reader gets it. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, posix, resolve, sep } from "node:path";
import { gzipSync } from "node:zlib";
import express from "express";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { expectAccessible } from "../support/accessible.ts";
import { browserForFile } from "../support/browser.ts";

/** Bytes of all that a page loads, compressed as servers do it. */
const MOST_BYTES = 200_000;
const SITE = resolve("site", "dist");

const browser = browserForFile(); // It also checks that no page sends requests to another host.
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

const files = readdirSync(SITE, { recursive: true, encoding: "utf8" }).map((file) => `/${file.split(sep).join("/")}`);
const contents = new Map(
  files.filter((path) => path.endsWith(".html")).map((path) => [path, readFileSync(join(SITE, path), "utf8")]),
);

/** Every document, and one page of each kind of the API reference, since pages of one kind are alike. */
const PAGES = [...contents.keys()]
  .filter((path) => path !== "/404.html")
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
  await expectAccessible(page);
});

test("llms.txt names every guide", () => {
  const text = readFileSync(resolve(SITE, "llms.txt"), "utf8");
  for (const name of ["graphs", "frontends", "embedding", "settings"]) expect(text).toContain(`(/docs/${name})`);
  for (const line of text.trim().split("\n").slice(2)) expect(line).toMatch(/^- \[.+\]\(\/.*\)(: [A-Z`].+)?$/);
});

test("every link leads to a page, a heading or a file that there is", () => {
  const dead = [...contents].flatMap(([page, html]) =>
    [...html.matchAll(/(?:href|src)="([^"]*)"/g)]
      .map(([, link = ""]) => link.replaceAll("&amp;", "&"))
      .filter((link) => !leads(new URL(link, `http://site${page}`)))
      .map((link) => `${page}: ${link}`),
  );
  expect(dead).toEqual([]);
});

test("a search finds a heading, and leads to it", async () => {
  const { page } = await browser.visit(`${url}/`);
  await page.getByRole("button", { name: "Search" }).first().click();
  await page.getByRole("searchbox").fill("allow-list narrowing");
  await page.getByRole("option").first().click();
  await page.waitForURL(/\/\S+#\S+/);
  await page.getByRole("heading", { level: 1 }).waitFor();
});

test("the API reference has every entry point of the package, and all of it has to be explained", () => {
  const { name, exports } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  const reference = contents.get("/api/index.html") ?? "";
  const modules = Object.entries(exports).filter(([, entry]) => typeof entry === "object");
  expect(modules.length).toBeGreaterThan(4);
  for (const [path] of modules) expect(reference).toContain(`>${posix.join(name, path)}</a>`);
  const options = JSON.parse(readFileSync(join("site", "typedoc.json"), "utf8")) as object;
  expect(options).toMatchObject({ validation: { notDocumented: true }, treatValidationWarningsAsErrors: true });
});

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, object | string>>;
}

/** Other hosts are not asked. */
function leads({ host, pathname, hash, protocol }: URL): boolean {
  if (host !== "site" || protocol !== "http:") return true;
  const path = decodeURIComponent(pathname);
  const file = [path, `${path}.html`, `${path}index.html`].find((each) => files.includes(each));
  if (file === undefined || !statSync(join(SITE, file)).isFile()) return false;
  return hash.length < 2 || contents.get(file)?.includes(`id="${decodeURIComponent(hash.slice(1))}"`) === true;
}
