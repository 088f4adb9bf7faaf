/** The STREAM_SOURCE of the tests' servers, unless a test sets one. `npm run test:direct` sets it. */
import type { StreamSource } from "../../src/graph/source.ts";

const given = process.env.SLUICE_TEST_SOURCE ?? "streamEvents";
if (given !== "streamEvents" && given !== "direct")
  throw new Error(`SLUICE_TEST_SOURCE=${given}: valid are streamEvents and direct.`);

export const TEST_SOURCE: StreamSource = given;

/** Returns this source as an environment for a server with these settings. The direct source does not support v1. */
export function sourceFor(env: Readonly<Record<string, string>>): { readonly STREAM_SOURCE?: string } {
  return env.STREAM_VERSION === "v1" ? {} : { STREAM_SOURCE: TEST_SOURCE };
}
