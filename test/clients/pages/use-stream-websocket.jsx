import { useClient as useStreamClient } from "./use-stream.jsx";

const OVER_WEBSOCKET = { transport: "websocket" };

export function useClient(place) {
  return useStreamClient(place, OVER_WEBSOCKET);
}
