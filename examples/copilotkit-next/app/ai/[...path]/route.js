import { toFetchHandler } from "langgraph-sluice";
import { sluice } from "../../../sluice.mjs";

const answer = (request) => toFetchHandler(sluice())(request);

export { answer as DELETE, answer as GET, answer as OPTIONS, answer as PATCH, answer as POST };
