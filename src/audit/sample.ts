/** Makes a value that fits a JSON Schema, with `text` wherever any text fits. */
import { isRecord } from "../protocol/input.ts";

const DEEPEST = 12;

export function sample(schema: unknown, text: string, root: unknown = schema, depth = 0): unknown {
  if (!isRecord(schema) || depth > DEEPEST) return text;
  if ("const" in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if ("default" in schema) return schema.default;
  if (typeof schema.$ref === "string") return sample(referenced(schema.$ref, root), text, root, depth + 1);
  for (const choice of [schema.anyOf, schema.oneOf])
    if (Array.isArray(choice)) return sample(choice[0], text, root, depth + 1);
  if (Array.isArray(schema.allOf)) {
    const parts = schema.allOf.map((part) => sample(part, text, root, depth + 1));
    return parts.every(isRecord) ? Object.assign({}, ...parts) : parts[0];
  }
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type ?? ("properties" in schema ? "object" : "string")) {
    case "object":
      return Object.fromEntries(
        Object.entries(isRecord(schema.properties) ? schema.properties : {}).map(([key, inner]) => [
          key,
          sample(inner, text, root, depth + 1),
        ]),
      );
    case "array":
      return [sample(schema.items, text, root, depth + 1)];
    case "number":
    case "integer":
      return typeof schema.minimum === "number" ? schema.minimum : 1;
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return formatted(schema.format, text);
  }
}

function formatted(format: unknown, text: string): string {
  if (format === "date-time") return "2026-01-01T00:00:00Z";
  if (format === "date") return "2026-01-01";
  if (format === "uri" || format === "url") return `https://audit.invalid/${text}`;
  if (format === "email") return `${text}@audit.invalid`;
  if (format === "uuid") return "00000000-0000-4000-8000-000000000000";
  return text;
}

function referenced(ref: string, root: unknown): unknown {
  return ref
    .split("/")
    .slice(1)
    .reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), root);
}
