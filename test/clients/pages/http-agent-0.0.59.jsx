import { HttpAgent } from "ag-ui-client-0.0.59";
import { useHttpAgent } from "./http-agent.jsx";

export function useClient(place) {
  return useHttpAgent(HttpAgent, place);
}
