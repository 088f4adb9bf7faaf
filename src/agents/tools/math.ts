import { createRequire } from "node:module";
import type { FactoryFunctionMap, MathJsInstance, MathNode } from "mathjs";

/** The parts of mathjs that the tools use. */
export interface SafeMath {
  /** Parses an expression; captured before `parse` was closed to expressions. */
  parse(expression: string): MathNode;
  /** Writes a value down, with 14 significant digits, so that 0.1 + 0.2 is 0.3. */
  format(value: unknown): string;
  unit: MathJsInstance["unit"];
  /** True for the name of a unit, such as "km". Case matters: MB is not mb. */
  isUnit(name: string): boolean;
}

/** Above this, `combinations` and `permutations` (which loop over their argument) would hold up the event loop. */
const MAX_CHOICES = 10_000;

// Functions that reach past arithmetic: they change mathjs itself or evaluate text. The list is mathjs's own advice.
const CLOSED = ["import", "createUnit", "evaluate", "parse", "simplify", "derivative", "config", "reviver"];

let loaded: SafeMath | undefined;

/**
 * mathjs without the functions that are not for expressions. It is loaded at the first use, since most servers never
 * calculate, and from its single-file build: that takes about 0.3 s, its thousand modules take more than 1 s.
 */
export function safeMath(): SafeMath {
  loaded ??= load();
  return loaded;
}

function load(): SafeMath {
  const require = createRequire(import.meta.url);
  const { all, create } = require("mathjs/lib/browser/math.js") as typeof import("mathjs");
  const math = create(all as FactoryFunctionMap);
  const { parse, format, unit, Unit, combinations, permutations } = math;

  const closed = CLOSED.map((name) => [
    name,
    () => {
      throw new Error(`The function ${name} is disabled.`);
    },
  ]);
  math.import(
    {
      ...Object.fromEntries(closed),
      combinations: (n: unknown, k: unknown) => combinations(choices(n), choices(k)),
      permutations: (n: unknown, k: unknown) =>
        k === undefined ? permutations(choices(n)) : permutations(choices(n), choices(k)),
    },
    { override: true },
  );
  return {
    parse,
    format: (value) => format(value, { precision: 14, lowerExp: -9, upperExp: 15 }),
    unit,
    isUnit: (name) => Unit.isValuelessUnit(name),
  };
}

function choices(count: unknown): number {
  if (typeof count !== "number" || count > MAX_CHOICES) {
    throw new Error(`combinations and permutations take numbers up to ${MAX_CHOICES}.`);
  }
  return count;
}
