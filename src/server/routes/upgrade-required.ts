/** Answers a plain request to the address of a WebSocket. */
import type { RequestHandler } from "express";
import { SluiceError } from "../../protocol/errors.ts";

const NO_UPGRADE =
  "This is the address of a WebSocket, and the request has no Upgrade header. A proxy in between may have removed it: let it pass the headers Upgrade and Connection on.";

export const upgradeRequired: RequestHandler = (_request, response) => {
  response.status(426).set({ Upgrade: "websocket", Connection: "Upgrade" });
  response.json({ error: new SluiceError("bad_request", NO_UPGRADE) });
};
