/** The settings of tests with random inputs. */
import fc from "fast-check";

/** The number of random inputs for each property. */
export const NUM_RUNS = Number(process.env.PROPERTY_RUNS) || 200;

/** The seed of the inputs: the same seed makes the same inputs. fast-check's seeds are 32-bit integers. */
export const SEED = seedOf(process.env.PROPERTY_SEED);
fc.configureGlobal({ seed: SEED });

function seedOf(given: string | undefined): number {
  if (!given) return Math.floor(Math.random() * 2 ** 31);
  if (!/^-?\d{1,10}$/.test(given) || Number(given) !== (Number(given) | 0)) {
    throw new Error(`PROPERTY_SEED=${given}: a seed is an integer of 32 bits, like one that a test printed.`);
  }
  return Number(given);
}
