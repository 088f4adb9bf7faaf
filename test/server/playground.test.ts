/** `GET /`: the playground for browsers, the list of routes for everybody else; and the folder it comes from. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { playgroundRoutes } from "../../src/server/playground.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
const PAGE = '<!doctype html><script type="module" src="playground-AB12CD34.js"></script>';

const outside = temporaryFolder();
const folder = join(outside, "playground");
const agents = () => ({ quick: { graph: chatGraph(new SteppedModel({ always: ["Hello"] })) } });

let sluice: TestSluice;
beforeAll(async () => {
  mkdirSync(join(folder, "assets"), { recursive: true });
  writeFileSync(join(folder, "index.html"), PAGE);
  writeFileSync(join(folder, "playground-AB12CD34.js"), "export {};");
  writeFileSync(join(folder, "assets", "font-0A1B2C3D.woff2"), "font");
  writeFileSync(join(folder, "icon.svg"), "<svg/>");
  writeFileSync(join(folder, ".secret"), "secret");
  writeFileSync(join(outside, "outside.txt"), "outside");
  sluice = await startSluice(agents(), {}, { playground: folder });
});
afterAll(() => sluice.close());

async function get(path: string, accept = BROWSER, init: RequestInit = {}) {
  const response = await fetch(path.startsWith("http") ? path : `${sluice.url}${path}`, {
    redirect: "manual",
    headers: { accept },
    ...init,
  });
  const { status, headers } = response;
  return { status, header: (name: string) => headers.get(name), body: await response.text() };
}

describe("GET /", () => {
  it("is the playground for a browser", async () => {
    const { status, header, body } = await get("/");
    expect(status).toBe(200);
    expect(header("content-type")).toBe("text/html; charset=utf-8");
    expect(body).toBe(PAGE);
  });

  it.each(["*/*", "text/plain", "application/json", "text/plain, text/html;q=0.5"])(
    "is the list of routes for Accept %j",
    async (accept) => {
      const { status, header, body } = await get("/", accept);
      expect(status).toBe(200);
      expect(header("content-type")).toBe("text/plain; charset=utf-8");
      expect(body).toContain("POST /agui ");
    },
  );

  it.each([BROWSER, "text/plain"])("says that it depends on Accept, to %j too", async (accept) => {
    expect((await get("/", accept)).header("vary")).toContain("Accept");
  });

  it("is asked again every time, and not sent again when it is the same", async () => {
    const { header } = await get("/");
    expect(header("cache-control")).toBe("no-cache");
    // The header of a browser with a cached copy. By default, fetch would request a new one.
    const headers = { accept: BROWSER, "if-none-match": String(header("etag")), "cache-control": "max-age=0" };
    expect((await get("/", BROWSER, { headers })).status).toBe(304);
  });

  it("HEAD says the same, with no body", async () => {
    const { status, header, body } = await get("/", BROWSER, { method: "HEAD" });
    expect([status, header("content-type"), header("content-length"), body]).toEqual([
      200,
      "text/html; charset=utf-8",
      String(PAGE.length),
      "",
    ]);
  });

  it.each([
    ["when nothing was built", {}, { playground: join(folder, "not-there") }],
    ["when it is switched off", { PLAYGROUND: "false" }, { playground: folder }],
    ["when no folder is named", {}, {}],
  ])("is the list of routes for a browser too %s", async (_, env, more) => {
    const other = await startSluice(agents(), env, more);
    try {
      const { status, header } = await get(`${other.url}/`);
      expect([status, header("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
      expect((await get(`${other.url}/playground-AB12CD34.js`)).status).toBe(404);
    } finally {
      await other.close();
    }
  });
});

describe("the page's policy", () => {
  const directives = (policy: string | null) =>
    Object.fromEntries((policy ?? "").split("; ").map((directive) => [directive.split(" ", 1)[0], directive]));

  it.each(["/", "/index.html"])(
    "%s lets nothing in from elsewhere, nothing inline, and nobody frame it",
    async (path) => {
      const policy = (await get(path)).header("content-security-policy");
      expect(directives(policy)).toEqual({
        "default-src": "default-src 'none'",
        "script-src": "script-src 'self'",
        "style-src": "style-src 'self'",
        "font-src": "font-src 'self'",
        "img-src": "img-src 'self' data: blob:",
        "connect-src": `connect-src 'self' ws://${new URL(sluice.url).host} wss://${new URL(sluice.url).host}`,
        "base-uri": "base-uri 'none'",
        "form-action": "form-action 'none'",
        "frame-ancestors": "frame-ancestors 'none'",
      });
    },
  );
});

describe("what belongs to the page", () => {
  it.each([
    ["/playground-AB12CD34.js", "text/javascript; charset=utf-8"],
    ["/assets/font-0A1B2C3D.woff2", "font/woff2"],
  ])("%s is kept for ever: another content has another name", async (path, type) => {
    const { status, header } = await get(path, "*/*");
    expect([status, header("content-type")]).toEqual([200, type]);
    expect(header("cache-control")).toBe("public, max-age=31536000, immutable");
  });

  it.each(["/icon.svg", "/index.html"])("%s is asked for again: its name says nothing of its content", async (path) => {
    expect((await get(path)).header("cache-control")).toBe("no-cache");
  });

  it.each(["/playground-99999999.js", "/assets", "/assets/", "/.secret", "/..%2foutside.txt", "/%"])(
    "%s is none of it",
    async (path) => {
      const { status, body } = await get(path);
      expect(status).toBe(404);
      expect(JSON.parse(body)).toMatchObject({ error: { code: "not_found" } });
    },
  );

  it("nothing can be posted there", async () => {
    expect((await get("/playground-AB12CD34.js", "*/*", { method: "POST" })).status).toBe(404);
  });

  it("is for those only who may come at all", async () => {
    const headers = { accept: BROWSER, origin: "https://elsewhere.example" };
    expect((await get("/", BROWSER, { headers })).status).toBe(403);
  });
});

describe("below a path of another app", () => {
  let server: Server;
  let origin: string;
  beforeAll(async () => {
    const app = express();
    app.use("/tools/:name", playgroundRoutes(folder), (_request, response) => void response.send("the list"));
    server = createServer(app);
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise<void>((closed) => void server.close(() => closed())));

  it("the page and what belongs to it are there", async () => {
    expect((await get(`${origin}/tools/agents/`)).body).toBe(PAGE);
    expect((await get(`${origin}/tools/agents/playground-AB12CD34.js`)).status).toBe(200);
  });

  it.each([
    ["/tools/agents", "/tools/agents/"],
    ["/tools/agents?thread=t1&x=/", "/tools/agents/?thread=t1&x=/"],
    ["/tools/javascript:alert(1)", "/tools/javascript:alert(1)/"],
  ])("%s leads to %s, where relative URLs hold", async (from, to) => {
    const { status, header } = await get(`${origin}${from}`);
    expect(status).toBe(302);
    expect(new URL(String(header("location")), `${origin}${from}`).href).toBe(`${origin}${to}`);
  });

  it("who asks for no page is not sent anywhere", async () => {
    expect((await get(`${origin}/tools/agents`, "*/*")).body).toBe("the list");
  });
});
