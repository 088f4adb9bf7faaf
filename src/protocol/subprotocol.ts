/** The WebSocket subprotocol that selects the `frames` format. */
export const SUBPROTOCOL = "sluice.v1";
