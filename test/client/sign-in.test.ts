/** The client signs in on each of its sockets, and renews the sign-in of an open one. */
import { SignJWT } from "jose";
import { afterEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { SluiceConnection, type WebSocketConstructor } from "../../src/client/connection.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

const SECRET = "s".repeat(32);
const JWT = { AUTH: "jwt", JWT_SECRET: SECRET, JWT_ISSUER: "issuer", JWT_AUDIENCE: "sluice" };
let sluice: TestSluice | undefined;
let connection: SluiceConnection | undefined;
afterEach(async () => {
  connection?.close();
  await sluice?.close();
});

async function connecting(token: () => string | Promise<string>): Promise<SluiceConnection> {
  sluice = await startSluice({ chat: { graph: chatGraph(new SteppedModel({ always: ["hello"] })) } }, JWT);
  const Socket = WebSocket as unknown as WebSocketConstructor;
  connection = new SluiceConnection({ url: `${sluice.ws}/ws`, WebSocket: Socket, token });
  return connection;
}

it("and asks for another token before the first expires", async () => {
  let given = 0;
  let renewed = () => {};
  const again = new Promise<void>((resolve) => {
    renewed = resolve;
  });
  const client = await connecting(() => {
    given += 1;
    if (given === 2) renewed();
    const jwt = new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject("ann").setIssuer("issuer");
    const expires = given === 1 ? "20s" : "5m";
    return jwt.setAudience("sluice").setExpirationTime(expires).sign(new TextEncoder().encode(SECRET));
  });
  const types: string[] = [];
  await new Promise<void>((resolve, reject) => {
    client.run(
      { threadId: "t", runId: "r", messages: [{ id: "m", role: "user", content: "hi" }], tools: [], context: [] },
      {
        onEvent: ({ type }) => {
          types.push(type);
          if (type === "RUN_FINISHED") resolve();
        },
        onError: reject,
      },
    );
  });
  await again;
  expect(types).toContain("TEXT_MESSAGE_CONTENT");
  expect(client.state.status).toBe("open");
});

it.each<[string, () => string | Promise<string>]>([
  ["a token that is not valid", () => "wrong"],
  ["no token to be had", () => Promise.reject(new Error("signed out"))],
])("and gives up for good with %s", async (_, token) => {
  const client = await connecting(token);
  await expect(client.stats("t")).rejects.toMatchObject({ code: "unauthorized" });
  expect(client.state.status).toBe("closed");
});
