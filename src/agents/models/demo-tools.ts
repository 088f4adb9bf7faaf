/** Calls of tools that the demo model has no rule for: a message asks for them by name. */

export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** The schemas of the tools' arguments, by name. */
export type BoundTools = ReadonlyMap<string, Schema>;

/** The default values, for arguments that the message does not give. */
const USUAL: Readonly<Record<string, unknown>> = { number: 1, integer: 1, boolean: true, array: [], object: {} };

export const mentions = (text: string, name: string): boolean => pattern(name, "(?![\\w-])", "iu").test(text);

/** `color=red` gives the argument `color`; a quoted text becomes the first text argument that has no value. */
export function argumentsFor({ properties = {} }: Schema, words: string): Record<string, unknown> {
  let quoted = /["“]([^"”]*)["”]/.exec(words.replace(/= ?["“][^"”]*["”]/g, ""))?.[1];
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      const { type = "string", enum: values, default: usual = values?.[0] } = schema;
      const kind = typeof type === "string" ? type : (type.find((each) => each !== "null") ?? "null");
      const [, inQuotes, bare] = pattern(name, ' ?= ?(?:["“]([^"”]*)["”]|([^\\s,;]+))').exec(words) ?? [];
      let said = inQuotes ?? bare?.replace(/[.!?]+$/, "");
      if (said === undefined && kind === "string" && !values) [said, quoted] = [quoted, undefined];
      if (values) return [name, values.find((value) => String(value) === said) ?? usual];
      if (said === undefined) return [name, usual ?? USUAL[kind] ?? "demo"];
      if (kind === "boolean") return [name, said === "true"];
      if (kind === "string") return [name, said];
      return [name, Number.isFinite(Number(said)) ? Number(said) : (usual ?? USUAL[kind])];
    }),
  );
}

/** The name, where a word begins. */
function pattern(name: string, after: string, flags = "u"): RegExp {
  return new RegExp(`(?<![\\w-])${name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}${after}`, flags);
}
