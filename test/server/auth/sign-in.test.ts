/** Signing in: API keys, JWTs, and sockets that sign in late, with a ticket, again, or never. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { readSettings } from "../../../src/config/settings.ts";
import { SUBPROTOCOL } from "../../../src/protocol/frames.ts";
import { makeApiKey } from "../../../src/server/auth/api-keys.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { inSeconds, JWT, oneKey, token } from "../../support/tokens.ts";
import { connect } from "../../support/ws-client.ts";

const open: TestSluice[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const sluice of open.splice(0)) await sluice.close();
});

async function start(env: Record<string, string>, graph: object = chatGraph(new SteppedModel({ always: ["hi"] }))) {
  const sluice = await startSluice({ chat: { graph } }, env);
  open.push(sluice);
  return sluice;
}

const made = oneKey("ann", ["run", "watch"]);
const API = made.env;
const status = async (sluice: TestSluice, bearer?: string, header = "Authorization") => {
  const headers: Record<string, string> =
    bearer === undefined ? {} : { [header]: header === "Authorization" ? `Bearer ${bearer}` : bearer };
  return (await fetch(`${sluice.url}/threads`, { headers })).status;
};

describe("API keys", () => {
  it("let in the one that is known, and no other", async () => {
    const sluice = await start(API);
    expect(await status(sluice, made.key)).toBe(200);
    expect(await status(sluice, made.key, "X-API-Key")).toBe(200);
    const other = makeApiKey("ann", ["run"]).key;
    const mixed = made.key.slice(0, 24) + other.slice(24);
    for (const wrong of [undefined, "", other, mixed, `${made.key}x`, "undefined", "sluice__"]) {
      expect(await status(sluice, wrong)).toBe(401);
    }
  });

  it("are kept as digests", () => {
    // The secret may hold a `_` itself.
    const secret = made.key.split("_").slice(2).join("_");
    expect(secret).toHaveLength(43);
    expect(API.API_KEYS).not.toContain(secret);
  });
});

describe("JWTs", () => {
  it("are held against secret, issuer, audience, expiry and algorithm", async () => {
    const sluice = await start(JWT);
    expect(await status(sluice, await token())).toBe(200);
    const wrong = [
      await token({ iss: "other" }),
      await token({ aud: "other" }),
      await token({ sub: "" }),
      await token({}, inSeconds(-10)),
      await token({ nbf: inSeconds(120) }),
      await token({}, "5m", "t".repeat(32)),
      `${Buffer.from('{"alg":"none"}').toString("base64url")}.${(await token()).split(".")[1]}.`,
      "a.b.c",
    ];
    for (const bearer of wrong) expect(await status(sluice, bearer)).toBe(401);
  });

  it("with a public key: a token that is signed with the key as a secret is refused", async () => {
    const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
    const pem = await exportSPKI(publicKey);
    const { JWT_SECRET: _, ...rest } = JWT;
    const sluice = await start({ ...rest, JWT_PUBLIC_KEY: pem });
    const claims = new SignJWT({}).setProtectedHeader({ alg: "RS256" }).setSubject("ann").setIssuer("issuer");
    expect(await status(sluice, await claims.setAudience("sluice").setExpirationTime("5m").sign(privateKey))).toBe(200);
    expect(await status(sluice, await token({}, "5m", pem))).toBe(401);
  });

  it("with a key set: its keys are read from their address, and an address that fails is no 401", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" };
    const keys = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] })));
    await new Promise<void>((done) => keys.listen(0, "127.0.0.1", done));
    const { JWT_SECRET: _, ...rest } = JWT;
    const JWT_JWKS_URL = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys`;
    const sluice = await start({ ...rest, JWT_JWKS_URL, JWT_ALGORITHMS: "ES256" });
    const sign = () =>
      new SignJWT({})
        .setProtectedHeader({ alg: "ES256", kid: "one" })
        .setSubject("ann")
        .setIssuer("issuer")
        .setAudience("sluice")
        .setExpirationTime("5m")
        .sign(privateKey);
    expect(await status(sluice, await sign())).toBe(200);
    keys.closeAllConnections();
    await new Promise((done) => keys.close(done));
    expect(await status(sluice, await sign())).toBe(200);
    const cold = await start({ ...rest, JWT_JWKS_URL, JWT_ALGORITHMS: "ES256" });
    expect(await status(cold, await sign())).toBe(503);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["two sources of keys", { ...JWT, JWT_PUBLIC_KEY: "x" }, /exactly one of/],
    ["no source of keys", { AUTH: "jwt", JWT_ISSUER: "i", JWT_AUDIENCE: "a" }, /exactly one of/],
    ["no audience", { AUTH: "jwt", JWT_SECRET: JWT.JWT_SECRET, JWT_ISSUER: "i" }, /JWT_AUDIENCE/],
    ["a secret with a public algorithm", { ...JWT, JWT_ALGORITHMS: "RS256" }, /JWT_ALGORITHMS/],
    ["no algorithm at all", { ...JWT, JWT_ALGORITHMS: "none" }, /JWT_ALGORITHMS/],
    ["a short secret", { ...JWT, JWT_SECRET: "short" }, /32 characters/],
    ["a key that is none", { AUTH: "api-key", API_KEYS: "x:y" }, /name:id:sha256/],
  ])("%s stops the start", (_, env, message) => {
    expect(() => readSettings(env)).toThrow(message);
  });
});

describe("an address that others can reach", () => {
  it("needs a sign-in, or to be asked for", async () => {
    await expect(start({ HOST: "0.0.0.0" })).rejects.toThrow(/ALLOW_ANONYMOUS=true/);
    const anonymous = await start({ HOST: "0.0.0.0", ALLOW_ANONYMOUS: "true" });
    const url = anonymous.url.replace("0.0.0.0", "127.0.0.1");
    expect((await fetch(`${url}/threads`)).status).toBe(403);
    await expect(start({ AUTH: "api-key" })).rejects.toThrow(/sluice key new/);
  });
});

describe("a graph", () => {
  it("finds who is asking, with the claims that were allowed by name; a client cannot say so", async () => {
    let seen: unknown;
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("look", (_state, config) => {
        seen = config.configurable?.user;
        return {};
      })
      .addEdge(START, "look")
      .compile();
    const sluice = await start({ ...JWT, JWT_CLAIMS: "team" }, graph);
    const user = { id: "root", claims: {} };
    await fetch(`${sluice.url}/agui`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Authorization: `Bearer ${await token({ team: "blue", mail: "x" })}`,
      },
      body: JSON.stringify({
        threadId: "t",
        runId: "r",
        messages: [{ id: "m", role: "user", content: "hi" }],
        forwardedProps: { user, config: { configurable: { user } }, configurable: { user }, context: { user } },
      }),
    }).then((response) => response.text());
    expect(seen).toEqual({ id: "ann", claims: { team: "blue" } });
  });
});

describe("a socket", () => {
  const frames = (sluice: TestSluice, query = "", headers = {}) =>
    connect(`${sluice.ws}/ws${query}`, { headers }, [SUBPROTOCOL]);

  it("may sign in with an auth frame, and does nothing before", async () => {
    const sluice = await start(JWT);
    const client = await frames(sluice);
    const input = { threadId: "t", runId: "r", messages: [{ id: "m", role: "user", content: "hi" }] };
    client.send({ type: "run", id: "1", input });
    client.send({ type: "subscribe", id: "2", topic: "thread:t" });
    client.send({ type: "auth", id: "3", token: "wrong" });
    await client.until((frame) => frame.includes('"id":"3"'));
    expect(client.frames.filter((frame) => frame.includes('"unauthorized"'))).toHaveLength(3);
    client.send({ type: "auth", id: "4", token: await token() });
    await client.until((frame) => frame.includes('"ack"') && frame.includes('"id":"4"'));
    client.send({ type: "run", id: "5", input });
    await client.until((frame) => frame.includes("RUN_FINISHED"));
    // Another principal on the same socket closes it.
    client.send({ type: "auth", id: "6", token: await token({ sub: "bob" }) });
    expect((await client.closed).code).toBe(4401);
  });

  it("that does not sign in is closed after ten seconds", async () => {
    const sluice = await start(JWT);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const client = await frames(sluice);
    await client.until((frame) => frame.includes("hello"));
    vi.advanceTimersByTime(10_000);
    expect((await client.closed).code).toBe(4401);
  });

  it("in another format has to bring its sign-in", async () => {
    const sluice = await start(JWT);
    await expect(connect(`${sluice.ws}/ws`)).rejects.toThrow(/401/);
    const client = await connect(`${sluice.ws}/ws`, { headers: { Authorization: `Bearer ${await token()}` } });
    await client.close();
  });

  it("opens with a ticket, once", async () => {
    const sluice = await start(JWT);
    const response = await fetch(`${sluice.url}/tickets`, {
      method: "POST",
      headers: { Authorization: `Bearer ${await token()}` },
    });
    const { ticket, expiresInSeconds } = (await response.json()) as { ticket: string; expiresInSeconds: number };
    expect([response.status, response.headers.get("cache-control")]).toEqual([201, "no-store"]);
    expect(expiresInSeconds).toBeLessThanOrEqual(30);
    const client = await connect(`${sluice.ws}/ws?ticket=${ticket}&thread=t`);
    await client.close();
    for (const again of [ticket, "wrong", ""]) {
      await expect(connect(`${sluice.ws}/ws?ticket=${again}`)).rejects.toThrow(/401/);
      await expect(frames(sluice, `?ticket=${again}`)).rejects.toThrow(/401/);
    }
    expect((await fetch(`${sluice.url}/tickets`, { method: "POST" })).status).toBe(401);
  });

  it("is warned before its sign-in expires, renews it in the middle of a run, and loses nothing", async () => {
    const model = new SteppedModel();
    const sluice = await start(JWT, chatGraph(model));
    const client = await frames(sluice, "", { Authorization: `Bearer ${await token({}, inSeconds(30))}` });
    await client.until((frame) => frame.includes('"token_expiring"'));
    client.send({
      type: "run",
      id: "1",
      input: { threadId: "t", runId: "r", messages: [{ id: "m", role: "user", content: "hi" }] },
    });
    model.say("one ");
    await client.until((frame) => frame.includes("one "));
    client.send({ type: "auth", id: "2", token: await token() });
    await client.until((frame) => frame.includes('"ack"') && frame.includes('"id":"2"'));
    model.say("two").end();
    await client.until((frame) => frame.includes("RUN_FINISHED"));
    expect(client.frames.join("")).toContain("two");
    // Fewer scopes end what they covered.
    client.send({ type: "auth", id: "3", token: await token({ scope: "openid sluice:run" }) });
    await client.until((frame) => frame.includes('"ack"') && frame.includes('"id":"3"'));
    const before = client.frames.length;
    model.say("unseen").end();
    const headers = { Authorization: `Bearer ${await token()}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ threadId: "t", message: "more" });
    expect((await fetch(`${sluice.url}/chat`, { method: "POST", headers, body })).status).toBe(200);
    client.send({ type: "subscribe", id: "4", topic: "thread:t" });
    expect((await client.until((frame) => frame.includes('"id":"4"'))).slice(before).join("")).not.toContain("unseen");
    expect(client.frames).toSatisfy((all: string[]) => all.some((frame) => frame.includes('"forbidden"')));
    await client.close();
  });

  it("whose sign-in expires is closed with 4401", async () => {
    const sluice = await start(JWT);
    const bearer = { Authorization: `Bearer ${await token({}, inSeconds(2))}` };
    const both = [await frames(sluice, "", bearer), await connect(`${sluice.ws}/ws?thread=t`, { headers: bearer })];
    for (const client of both) expect((await client.closed).code).toBe(4401);
  });
});

afterAll(() => vi.useRealTimers());
