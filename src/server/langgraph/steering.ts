/** Fields of a body of LangGraph's API that steer a graph: those that its agent accepts, and no others. Pure. */
import { z } from "zod";
import { SluiceError } from "../../protocol/errors.ts";
import { isRecord, parseWith } from "../../protocol/input.ts";
import { maySet, type Steering } from "../../protocol/steering.ts";
import { shown } from "../../protocol/text.ts";
import { adapterKeys } from "./adapter.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Entries of `metadata` that repeat what the request itself says. Clients send them by default. */
const ECHOES = new Set(["thread_id", "assistant_id", "graph_id", "run_id"]);

/** Fields of a body's top level that steer. */
export const STEERING_FIELDS = ["context", "metadata", "interrupt_before", "interrupt_after"] as const;

const nodes = z.union([z.literal("*"), z.array(z.string())], { error: "must be * or a list of nodes" });
const values = z.record(z.string(), z.json(), { error: "must be an object" });
const target = z.union([z.string(), z.strictObject({ node: z.string(), input: z.json() })]);
const targets = z.union([target, z.array(target)], {
  error: 'must be a node, or a list of nodes and of objects like {"node": "research", "input": {}}',
});

/** The parts of a body that steer, besides the top level's. */
export interface SteeringParts {
  readonly sent: Fields;
  readonly config: Fields | null | undefined;
  readonly command: Fields | null | undefined;
  readonly input: Fields | undefined;
}

/** An agent, as far as it decides what clients may set. */
export interface Gatekeeper {
  readonly accepts: readonly string[];
  readonly stateKeys: readonly string[];
  readonly clientContext: readonly string[];
}

/**
 * @throws SluiceError `forbidden` that names a field that clients may not set; `bad_request` for one that they may set,
 * and that is not valid.
 */
export function steeringOf(
  { sent, config, command, input }: SteeringParts,
  gatekeeper: Gatekeeper,
  threadId: string,
): Steering {
  const { accepts, stateKeys, clientContext } = gatekeeper;
  const accepted = new Set(accepts);
  const steering: { -readonly [Member in keyof Steering]: Steering[Member] } = {};

  const metadata = { ...fieldsIn(config?.metadata, "config.metadata"), ...fieldsIn(sent.metadata, "metadata") };
  for (const name of Object.keys(metadata)) {
    if (ECHOES.has(name)) delete metadata[name];
    else if (!accepted.has("metadata") || !maySet(name)) {
      throw forbidden(`${isRecord(sent.metadata) && name in sent.metadata ? "" : "config."}metadata.${name}`);
    }
  }
  if (Object.keys(metadata).length > 0) steering.metadata = parseWith(values, metadata, "metadata");

  const configurable = fieldsIn(config?.configurable, "config.configurable");
  // Clients name their own thread here too.
  if (configurable.thread_id === threadId) delete configurable.thread_id;
  // It is read with the other fields that name a checkpoint.
  if (accepted.has("checkpoint")) delete configurable.checkpoint_id;
  refuseExcept(configurable, (name) => accepted.has(`configurable.${name}`), "config.configurable.");
  if (Object.keys(configurable).length > 0) {
    steering.configurable = parseWith(values, configurable, "config.configurable");
  }

  const context = fieldsIn(sent.context, "context");
  const mayHave = (name: string) => clientContext.includes(name) || (accepted.has("context") && maySet(name));
  refuseExcept(context, mayHave, "context.");
  if (Object.keys(context).length > 0) steering.context = parseWith(values, context, "context");

  const known = ["messages", ...stateKeys, ...adapterKeys(gatekeeper)];
  const hidden = Object.fromEntries(Object.entries(input ?? {}).filter(([key]) => !known.includes(key)));
  for (const key of Object.keys(hidden)) if (!accepted.has(`input.${key}`)) throw forbidden(`input.${key}`);
  if (Object.keys(hidden).length > 0) steering.input = parseWith(values, hidden, "input");

  // A `Command` that was written as JSON has the field `lg_name`.
  const { resume: _, lg_name: __, ...orders } = command ?? {};
  refuseExcept(orders, (name) => (name === "update" || name === "goto") && accepted.has(name), "command.");
  const update = fieldsIn(orders.update, "command.update");
  refuseExcept(update, (name) => name === "messages" || maySet(name), "command.update.");
  const goto = isEmpty(orders.goto) ? [] : [parseWith(targets, orders.goto, "command.goto")].flat();
  if (Object.keys(update).length > 0 || goto.length > 0) {
    steering.command = {
      ...(Object.keys(update).length > 0 ? { update: parseWith(values, update, "command.update") } : {}),
      ...(goto.length > 0 ? { goto } : {}),
    };
  }

  for (const [field, member] of [
    ["interrupt_before", "interruptBefore"],
    ["interrupt_after", "interruptAfter"],
  ] as const) {
    if (isEmpty(sent[field])) continue;
    if (!accepted.has(field)) throw forbidden(field);
    steering[member] = parseWith(nodes, sent[field], field);
  }
  return steering;
}

/** A field that is absent or empty asks for nothing. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Refuses fields that are not allowed. If such a field asks for nothing, it is only removed. */
export function refuseExcept(fields: Record<string, unknown>, allowed: (name: string) => boolean, path: string): void {
  for (const [name, value] of Object.entries(fields)) {
    if (allowed(name)) continue;
    if (!isEmpty(value)) throw forbidden(`${path}${name}`);
    delete fields[name];
  }
}

function forbidden(field: string): SluiceError {
  return new SluiceError("forbidden", `${shown(field)}: clients may not set this. Leave it out.`);
}

/** A copy of an object's fields; none where it is empty. */
function fieldsIn(value: unknown, where: string): Record<string, unknown> {
  if (isEmpty(value)) return {};
  if (!isRecord(value)) throw new SluiceError("bad_request", `${where}: must be an object.`);
  return { ...value };
}
