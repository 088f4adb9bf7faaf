/** `GET /asyncapi.json`: the messages of the WebSocket as an AsyncAPI 3.0 document. */
import { SUBPROTOCOL } from "../../protocol/frames.ts";
import type { Doors } from "./openapi.ts";
import { components, type JsonSchema, type ShapeName } from "./schemas.ts";

export function asyncApi(version: string, { langGraphApi }: Pick<Doors, "langGraphApi">): object {
  const schemas = components();
  const sent = messagesOf("ClientFrame", schemas);
  const received = messagesOf("ServerFrame", schemas);
  const bare = {
    line: message("line", { type: "string" }, "A line of text: a user message, or a command that begins with a slash."),
    input: message("input", { $ref: "#/components/schemas/RunAgentInput" }, "Starts that run, or attaches to it."),
    command: message("command", { $ref: "#/components/schemas/Command" }, "A command."),
  };
  const short = message(
    "short",
    { type: "array", minItems: 3, maxItems: 4 },
    "A short frame, for a client that asked for it: the topic's number, the position, the event, and n.",
  );
  const protocol = {
    protocolCommand: message("protocolCommand", { $ref: "#/components/schemas/LangGraphCommand" }, "A command."),
    protocolMessage: message("protocolMessage", { type: "object" }, "An event, or the answer to a command."),
  };
  const event = message("event", { $ref: "#/components/schemas/Event" }, "One AG-UI event.");
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Sluice's WebSocket",
      version,
      description: "PROTOCOL.md describes what the messages mean.",
    },
    channels: {
      frames: {
        address: "/ws",
        description: `With the subprotocol ${SUBPROTOCOL}: frames, for many threads and for reconnecting.`,
        messages: refs({ ...sent, ...received, short }),
      },
      agui: {
        address: "/ws",
        description: "Without a subprotocol: one thread, one AG-UI event a message.",
        messages: refs({ ...bare, bareEvent: event }),
      },
      ...(langGraphApi ? { protocol: { ...PROTOCOL_CHANNEL, messages: refs(protocol) } } : {}),
    },
    operations: {
      sendFrame: operation("receive", "frames", Object.keys(sent)),
      receiveFrame: operation("send", "frames", [...Object.keys(received), "short"]),
      sendBare: operation("receive", "agui", Object.keys(bare)),
      receiveBare: operation("send", "agui", ["bareEvent"]),
      ...(langGraphApi
        ? {
            sendCommand: operation("receive", "protocol", ["protocolCommand"]),
            receiveMessage: operation("send", "protocol", ["protocolMessage"]),
          }
        : {}),
    },
    components: {
      schemas,
      messages: { ...sent, ...received, ...bare, short, bareEvent: event, ...(langGraphApi ? protocol : {}) },
    },
  };
}

const PROTOCOL_CHANNEL = {
  address: "/langgraph/threads/{threadId}/stream/events",
  parameters: { threadId: { description: "The thread that all commands and events are about." } },
  description: "LangGraph's Agent Streaming Protocol. docs/langgraph-api.md describes the part that is served.",
};

/** One message for each type of a union. */
function messagesOf(union: ShapeName, schemas: Readonly<Record<string, JsonSchema>>): Record<string, object> {
  const shapes = schemas[union]?.oneOf as { properties: { type: { const: string } } }[];
  const side = union === "ClientFrame" ? "client" : "server";
  return Object.fromEntries(
    shapes.map((shape, index) => {
      const type = shape.properties.type.const;
      const schema = { $ref: `#/components/schemas/${union}/oneOf/${index}` };
      return [`${side}.${type}`, message(type, schema)];
    }),
  );
}

function message(name: string, payload: JsonSchema, summary?: string): object {
  return { name, contentType: "application/json", ...(summary === undefined ? {} : { summary }), payload };
}

function refs(messages: Readonly<Record<string, object>>): Record<string, object> {
  return Object.fromEntries(Object.keys(messages).map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

/** `action` is from the server's point of view, as AsyncAPI defines it. */
function operation(action: "send" | "receive", channel: string, names: readonly string[]): object {
  const messages = names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }));
  return { action, channel: { $ref: `#/channels/${channel}` }, messages };
}
