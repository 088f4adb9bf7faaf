/** A tool call that the demo model makes. */
export interface PlannedCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** As much of a JSON Schema as the demo model understands. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** The tools that can be called: the schemas of their arguments, by name. */
export type BoundTools = ReadonlyMap<string, Schema>;
