import { tool } from "@langchain/core/tools";
import { z } from "zod";
import { type SafeMath, safeMath } from "./math.ts";

// Everyday names that mathjs does not know, or knows by another name.
const ALIASES = new Map([
  ["°c", "degC"],
  ["c", "degC"],
  ["°f", "degF"],
  ["f", "degF"],
  ["centigrade", "degC"],
  ["mph", "mi/h"],
  ["miles per hour", "mi/h"],
  ["kph", "km/h"],
  ["kmh", "km/h"],
  ["kilometers per hour", "km/h"],
  ["kilometres per hour", "km/h"],
  ["pound", "lbm"],
  ["pounds", "lbm"],
  ["litre", "liter"],
  ["litres", "liter"],
]);

/** Significant digits of an answer: enough for every purpose but a calibration, and it hides rounding errors. */
const DIGITS = 10;

const unitName = z.string().min(1).max(40);

/** Converts a value from one unit to another. Fails with a message that names the unit that was not understood. */
export const convertUnits = tool(
  ({ value, from, to }) => {
    const math = safeMath();
    let converted: number;
    try {
      converted = math.unit(value, nameOf(from, math)).toNumber(nameOf(to, math));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `Cannot convert ${from} to ${to}: ${reason.replace(/\.$/, "")}. Valid units are km, miles, kg, lb, celsius, fahrenheit, liter, gallon, km/h, GB.`,
      );
    }
    return `${value} ${from} = ${Number(converted.toPrecision(DIGITS))} ${to}`;
  },
  {
    name: "convert_units",
    description:
      "Convert a value between units of length, mass, temperature, volume, speed, time, energy, data and more.",
    schema: z.object({
      value: z.number().describe("How many of the unit in `from`."),
      from: unitName.describe('The unit to convert from, such as "km", "fahrenheit" or "km/h".'),
      to: unitName.describe('The unit to convert to, such as "miles" or "celsius".'),
    }),
  },
);

function nameOf(unit: string, math: SafeMath): string {
  // mathjs spells the metre the American way, whatever the prefix.
  const name = unit.trim().replace(/metre(s?)$/i, "meter$1");
  const lower = name.toLowerCase();
  return ALIASES.get(lower) ?? (!math.isUnit(name) && math.isUnit(lower) ? lower : name);
}
