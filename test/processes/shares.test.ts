/**
 * A link to a thread in several processes: made in one, used in another, and cut there when the first one revokes it.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { formatApiKey } from "../../src/config/keys.ts";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import { DEFAULT_SCOPES } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connect } from "../support/ws-client.ts";

const { key, known } = makeApiKey("ann", DEFAULT_SCOPES);
const headers = { "X-API-Key": key, "Content-Type": "application/json" };
const model = new SteppedModel({ always: ["Hello"] });
let shared: SharedServers;
let deployment: Deployment;
let here: TestSluice;
let there: TestSluice;
beforeAll(async () => {
  shared = await startShared();
  deployment = await shared.deployment();
  const env = { AUTH: "api-key", API_KEYS: formatApiKey({ ...known, scopes: [...known.scopes] }) };
  const start = () => deployment.start(() => ({ chat: { graph: chatGraph(model) } }), env);
  [here, there] = await Promise.all([start(), start()]);
});
afterAll(async () => {
  await deployment.close();
  await shared.stop();
});

const post = ({ url }: TestSluice, path: string, body: object, by: Record<string, string> = headers) =>
  fetch(`${url}${path}`, { method: "POST", headers: by, body: JSON.stringify(body) });

it("is made in one process, opens a socket in another, once, and is cut there within 5 s of its end in the first", async () => {
  await (await post(here, "/agui", userInput("hi", { threadId: "hers" }))).text();
  const made = await post(here, "/threads/hers/shares", {});
  expect(made.status).toBe(201);
  const { share, secret } = (await made.json()) as { share: string; secret: string };
  const open = { "Content-Type": "application/json" };
  const redeemed = await post(there, "/shares/tickets", { secret }, open);
  expect(redeemed.status).toBe(201);
  const { ticket } = (await redeemed.json()) as { ticket: string };

  const reader = await connect(`${there.ws}/ws?ticket=${ticket}`, {}, [SUBPROTOCOL]);
  reader.send({ type: "subscribe", id: "1", topic: "thread:hers" });
  expect((await reader.until((frame) => frame.includes("Hello"))).join()).toContain("Hello");
  // The ticket was used in one process, so the other refuses it.
  await expect(connect(`${here.ws}/ws?ticket=${ticket}`, {}, [SUBPROTOCOL])).rejects.toThrow("401");

  const revokedAt = performance.now();
  const revoked = await fetch(`${here.url}/threads/hers/shares/${share}`, { method: "DELETE", headers });
  expect(revoked.status).toBe(204);
  expect(await reader.closed).toMatchObject({ code: 4401 });
  expect(performance.now() - revokedAt).toBeLessThan(5_000);
  for (const server of [here, there]) {
    expect((await post(server, "/shares/tickets", { secret }, open)).status).toBe(401);
  }
});
