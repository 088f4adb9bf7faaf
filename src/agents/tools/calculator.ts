import { tool } from "@langchain/core/tools";
import type { FunctionNode, MathNode, SymbolNode } from "mathjs";
import { z } from "zod";
import { safeMath } from "./math.ts";

/** In characters. */
const MAX_LENGTH = 200;

// The allowed parts of an expression. A list of allowed parts excludes everything that may take unlimited time or
// memory: ranges, matrices, user-defined functions. Numbers are doubles, so 9^9^9 is infinite at once.
const NODES = new Set([
  "ConditionalNode",
  "ConstantNode",
  "FunctionNode",
  "OperatorNode",
  "ParenthesisNode",
  "RelationalNode",
  "SymbolNode",
]);
const CONSTANTS = new Set(["pi", "PI", "tau", "e", "E", "phi", "i"]);
const FUNCTIONS = new Set(
  (
    "abs cbrt ceil combinations exp factorial fix floor gcd hypot lcm log log10 log2 max mean " +
    "median min mod nthRoot permutations pow prod round sign sqrt std sum variance " +
    "sin cos tan asin acos atan atan2 sinh cosh tanh"
  ).split(" "),
);

/** Evaluates an arithmetic expression. Fails with a message that says what to change. */
export const calculator = tool(
  ({ expression }) => {
    const math = safeMath();
    const node = math.parse(expression);
    node.traverse(check);
    const result: unknown = node.compile().evaluate(new Map());
    if (typeof result === "number" && !Number.isFinite(result)) {
      throw new Error("The result is not a finite number: a division by zero, or beyond about 1.8e308.");
    }
    if (result === undefined || result === null) {
      throw new Error("The expression has no value. Give a complete one, such as 2 * (3 + 4).");
    }
    return math.format(result);
  },
  {
    name: "calculator",
    description:
      "Evaluate an arithmetic expression: + - * / ^ % !, parentheses, comparisons, " +
      `pi, e, i, and the functions ${[...FUNCTIONS].join(", ")}. Angles are in radians, log(x) is natural, log(x, 10) is not.`,
    schema: z.object({
      expression: z.string().min(1).max(MAX_LENGTH).describe('For example "2 * (3 + 4)" or "sqrt(2)^3".'),
    }),
  },
);

function check(node: MathNode, path: string, parent: MathNode): void {
  if (!NODES.has(node.type)) throw new Error(`Only a single expression is allowed here, and no ${nameOf(node)}.`);
  if (node.type === "ConstantNode" && "value" in node && typeof node.value === "string") {
    throw new Error("An expression cannot contain text.");
  }
  if (node.type === "FunctionNode") {
    const { name } = (node as FunctionNode).fn;
    if (!FUNCTIONS.has(name)) throw new Error(`Unknown function "${name}". Known: ${[...FUNCTIONS].join(", ")}.`);
  } else if (node.type === "SymbolNode" && !(parent?.type === "FunctionNode" && path === "fn")) {
    const { name } = node as SymbolNode;
    if (FUNCTIONS.has(name)) throw new Error(`"${name}" is a function. Give it an argument: ${name}(2).`);
    if (!CONSTANTS.has(name)) {
      throw new Error(`Unknown name "${name}". Known: ${[...CONSTANTS].join(", ")}. For units, use convert_units.`);
    }
  }
}

/** "RangeNode" reads as "range". */
function nameOf(node: MathNode): string {
  return node.type
    .replace(/Node$/, "")
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toLowerCase();
}
