/** `GET /openapi.json`: the routes as an OpenAPI 3.1 document. */
import { ERRORS, type ErrorCode, SENTENCES } from "../../protocol/errors.ts";
import { AI_SDK_OPERATIONS, LANGGRAPH_OPERATIONS } from "./dialects.ts";
import { type Answer, OPERATIONS, type Operation } from "./operations.ts";
import { components, type JsonSchema, propertiesOf, refTo } from "./schemas.ts";

/** The errors that every route may answer with, except the open ones. */
const ANYWHERE: readonly ErrorCode[] = ["bad_request", "unauthorized", "forbidden", "rate_limited", "internal"];

/** The APIs for clients of other protocols, and whether they are served. */
export interface Doors {
  readonly langGraphApi: boolean;
  readonly aiSdkApi: boolean;
}

/** The routes that a server with these doors has. */
export function operationsOf({ langGraphApi, aiSdkApi }: Doors): readonly Operation[] {
  return [...OPERATIONS, ...(langGraphApi ? LANGGRAPH_OPERATIONS : []), ...(aiSdkApi ? AI_SDK_OPERATIONS : [])];
}

export function openApi(version: string, doors: Doors): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operationsOf(doors)) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: described(operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Sluice",
      version,
      description: "Serves LangGraph graphs as AG-UI events. PROTOCOL.md describes what the shapes mean.",
    },
    servers: [{ url: "." }],
    security: [{}, { bearer: [] }],
    paths,
    components: {
      schemas: components(["ClientFrame", "ServerFrame", "Command"]),
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
  };
}

function described({
  method,
  path,
  summary,
  query,
  headers = {},
  body,
  bodyOptional,
  answers,
  errors = [],
  open,
}: Operation) {
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameter(name ?? "", "path", { type: "string" }, true)),
    ...(query ? propertiesOf(query).map(([name, schema, required]) => parameter(name, "query", schema, required)) : []),
    ...Object.entries(headers).map(([name, description]) => ({
      ...parameter(name, "header", { type: "string" }, false),
      description,
    })),
  ];
  const responses = Object.entries(answers).map(([status, answer]) => [status, response(answer)]);
  return {
    operationId: `${method}${path.replace(/[^A-Za-z]+(.)?/g, (_, letter: string = "") => letter.toUpperCase())}`,
    summary,
    ...(open ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body
      ? { requestBody: { required: !bodyOptional, content: { "application/json": { schema: refTo(body) } } } }
      : {}),
    responses: { ...Object.fromEntries(responses), ...(open ? refusals(errors) : refusals([...ANYWHERE, ...errors])) },
  };
}

function parameter(name: string, place: "path" | "query" | "header", schema: JsonSchema, required: boolean) {
  return { name, in: place, required, schema };
}

function response({ description, json, stream, text }: Answer) {
  const content = {
    ...(json ? { "application/json": { schema: refTo(json) } } : {}),
    ...(stream ? { "text/event-stream": { schema: refTo(stream) } } : {}),
    ...(text ? { [text]: { schema: text === "application/json" ? { type: "object" } : { type: "string" } } } : {}),
  };
  return { description, ...(Object.keys(content).length > 0 ? { content } : {}) };
}

/** One response for each status, which names its codes. */
function refusals(codes: readonly ErrorCode[]): Record<string, object> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
  const answers = [...byStatus].map(([status, named]) => [
    status,
    {
      description: named.map((code) => `\`${code}\`: ${SENTENCES[code]}`).join(" "),
      content: { "application/json": { schema: refTo("Error") } },
    },
  ]);
  return Object.fromEntries(answers) as Record<string, object>;
}
