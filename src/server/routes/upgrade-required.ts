/** Answers a plain request to the address of a WebSocket. */
import type { RequestHandler } from "express";
import { SluiceError } from "../../protocol/errors.ts";

const NO_UPGRADE =
  "This is the address of a WebSocket, and the request has no Upgrade header. A proxy may have removed it: the proxy has to pass on the headers Upgrade and Connection.";

export const upgradeRequired: RequestHandler = (_request, response) => {
  response.status(426).set({ Upgrade: "websocket", Connection: "Upgrade" });
  response.json({ error: new SluiceError("bad_request", NO_UPGRADE) });
};
