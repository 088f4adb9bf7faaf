/** Chapter 12: readers that stop for a while. */
import { setTimeout as delay } from "node:timers/promises";
import { questionInput } from "../../protocol/question.ts";
import type { Probe } from "../findings.ts";
import { type Producer, readRun, typeOf } from "../producer.ts";

/** Milliseconds for which a reader stops. */
const STOP_MS = 1_500;
/** While one reader is stopped, another reader may take this many times as long as usual. */
const HELD_UP = 3;

export function slowProbe(producer: Producer): Probe {
  return {
    tries: ["12.1", "12.2"],
    async run(report) {
      const input = questionInput(producer.message);
      const alone = questionInput(producer.message);
      const quiet = performance.now();
      await readRun(producer, alone);
      const quietMs = performance.now() - quiet;

      const slow = readRun(producer, input, { pause: delay(STOP_MS) });
      const began = performance.now();
      const other = await readRun(producer, questionInput(producer.message));
      const tookMs = performance.now() - began;
      if (tookMs > Math.max(quietMs, STOP_MS / 3) * HELD_UP) {
        report(
          "12.2",
          `another run took ${Math.round(tookMs)} ms; without a stopped reader it took ${Math.round(quietMs)} ms`,
        );
      }
      const { events, end } = await slow;
      const [last, usual] = [events, other.events].map((all) => typeOf(all.at(-1)?.json ?? ""));
      if (end === "ended" && last !== usual) {
        report("12.1", `its response ended cleanly with ${last || "nothing"}, but others end with ${usual}`);
      }
    },
  };
}
