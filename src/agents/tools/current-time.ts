import { tool } from "@langchain/core/tools";
import { z } from "zod";

// Cities people ask for that are not the name of a time zone, or no longer are.
const CITIES = new Map([
  ["bangalore", "Asia/Kolkata"],
  ["barcelona", "Europe/Madrid"],
  ["beijing", "Asia/Shanghai"],
  ["boston", "America/New_York"],
  ["delhi", "Asia/Kolkata"],
  ["ho chi minh city", "Asia/Saigon"],
  ["kathmandu", "Asia/Katmandu"],
  ["kyiv", "Europe/Kiev"],
  ["milan", "Europe/Rome"],
  ["mumbai", "Asia/Kolkata"],
  ["munich", "Europe/Berlin"],
  ["new delhi", "Asia/Kolkata"],
  ["nyc", "America/New_York"],
  ["rio", "America/Sao_Paulo"],
  ["san francisco", "America/Los_Angeles"],
  ["seattle", "America/Los_Angeles"],
  ["washington", "America/New_York"],
]);

/** The source of the time. */
export interface CurrentTimeOptions {
  /** The clock. Default: the system's. */
  now?: () => Date;
}

/** Says the date and time in a time zone or a city. Fails with examples of places that it knows. */
export function currentTime({ now = () => new Date() }: CurrentTimeOptions = {}) {
  return tool(({ place = "UTC" }) => describe(now(), timeZoneOf(place)), {
    name: "current_time",
    description: "Tell the current date and time in a time zone or a large city.",
    schema: z.object({
      place: z
        .string()
        .max(60)
        .optional()
        .describe('An IANA time zone such as "Europe/Paris", or a city such as "Tokyo". Default: UTC.'),
    }),
  });
}

function describe(time: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    dateStyle: "full",
    timeStyle: "short",
  });
  // The offset cannot be asked for together with a style.
  const offset = new Intl.DateTimeFormat("en-GB", { timeZone, timeZoneName: "longOffset" })
    .formatToParts(time)
    .find((part) => part.type === "timeZoneName")
    ?.value.replace("GMT", "UTC");
  return `${format.format(time)} (${timeZone}${offset ? `, ${offset}` : ""})`;
}

function timeZoneOf(place: string): string {
  const name = place.trim().toLowerCase();
  const city = CITIES.get(name);
  if (city) return city;
  // Most zones are named after their largest city: America/New_York.
  const suffix = `/${name.replaceAll(" ", "_")}`;
  const zone = Intl.supportedValuesOf("timeZone").find((candidate) => candidate.toLowerCase().endsWith(suffix));
  if (zone) return zone;
  try {
    return new Intl.DateTimeFormat("en-GB", { timeZone: place.trim() }).resolvedOptions().timeZone;
  } catch {
    throw new Error(
      `Unknown time zone or city "${place}". Use an IANA name such as Europe/Paris or America/New_York, or a city such as Tokyo.`,
    );
  }
}
