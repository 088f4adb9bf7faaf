/** A long answer from a fast model: its end must not cost the page more than its beginning. */
import { setTimeout as delay } from "node:timers/promises";
import type { CDPSession, Page } from "playwright-core";
import { expect, test } from "vitest";
import { playgroundForFile, shows } from "../browser/playground.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

const { open } = playgroundForFile();

const TOKENS = 10_000;
const TOKENS_A_SECOND = 200;
const THOUSAND = 1_000;

/** A usual answer of about 250 tokens, so that each thousand of them asks the same of the page. */
const CHAPTER = `## How a lock lifts a boat

A lock is a **chamber** between two gates. The boat enters at the lower level, the gate behind it closes, and water runs
in through the *paddles* until the chamber stands as high as the upper reach. Nothing is pumped: the water comes down by
itself, and \`the boat goes up\` with it. See [the canal](https://example.com/canal) for more.

1. Open the lower gate and let the boat in.
2. Close it, and raise the upper paddles.
   - Slowly at first, since the chamber boils.
   - Then all the way.
3. When both sides are level, the upper gate opens by hand.

\`\`\`ts
export function fill(chamber: Chamber, reach: Level): Level {
  while (chamber.level < reach) {
    chamber.level += flow(reach - chamber.level); // slower the fuller it is
  }
  return chamber.level;
}
\`\`\`

| Lock | Rise | Minutes |
| --- | ---: | ---: |
| Lower | 2.1 m | 9 |
| Middle | 3.4 m | 13 |
| Upper | 1.8 m | 8 |

> Who hurries at a lock waits at the next one.

`;

/** Pieces as a tokenizer makes them: a short word with the space before it, or a part of a long one. */
const CHAPTER_TOKENS = CHAPTER.match(/\n+| ?[^\s]{1,5}|\s+/g) ?? [];

test("10,000 tokens at 200 a second: the last thousand costs at most 1.5 times the first", async () => {
  const model = new SteppedModel();
  const chat = await open({ chat: { graph: chatGraph(model) } });
  const { page, ask, openHood, conversation, quiet, hood } = chat;
  await openHood();
  await countLongTasks(page);
  const measure = await busyTime(page);
  await ask("Tell me all about locks.");
  await chat.button("Stop").waitFor();

  const began = performance.now();
  const samples = [await measure()];
  for (let said = 0; said < TOKENS; ) {
    const due = Math.min(TOKENS, Math.ceil(((performance.now() - began) / 1_000) * TOKENS_A_SECOND));
    for (; said < due; said += 1) {
      model.say(CHAPTER_TOKENS[said % CHAPTER_TOKENS.length] ?? "");
      if ((said + 1) % THOUSAND === 0) samples.push(await measure());
    }
    await delay(1_000 / TOKENS_A_SECOND);
  }
  const tookMs = performance.now() - began;
  model.say("\n\nThat was all.").end();
  await conversation.getByText("That was all.").waitFor();
  await quiet();
  const atTheEnd = (await measure()) - (samples.at(-1) ?? 0);

  const perToken = samples.slice(1).map((busy, index) => (busy - (samples[index] ?? 0)) / THOUSAND);
  const [first = 0, last = 0] = [perToken[0], perToken.at(-1)];
  const longTasks = await page.evaluate((): number[] => Reflect.get(window, "longTasks"));
  const deltas = await hood.locator(".figures div", { hasText: "Deltas" }).locator("dd").innerText();
  process.stderr.write(
    [
      `${TOKENS} tokens in ${(tookMs / 1_000).toFixed(1)} s, which came as ${deltas} deltas`,
      `the page's main thread, ms a token, by thousands: ${perToken.map((ms) => ms.toFixed(2)).join(" ")}`,
      `last to first thousand: ${(last / first).toFixed(2)}; after the last token: ${atTheEnd.toFixed(0)} ms`,
      `long tasks (over 50 ms): ${longTasks.length}${longTasks.length > 0 ? `, the longest ${Math.max(...longTasks)} ms` : ""}`,
      "",
    ].join("\n"),
  );

  expect(tookMs).toBeGreaterThanOrEqual(((TOKENS - 1) / TOKENS_A_SECOND) * 1_000);
  expect(last).toBeLessThanOrEqual(1.5 * first);
  expect(await conversation.locator(".markdown table").count()).toBe(Math.floor(TOKENS / CHAPTER_TOKENS.length));
  await shows(conversation.locator(".markdown h2").last(), "How a lock lifts a boat");
}, 150_000);

/** @returns a function that reads how long the page's main thread has worked, in milliseconds of CPU. */
async function busyTime(page: Page): Promise<() => Promise<number>> {
  const session: CDPSession = await page.context().newCDPSession(page);
  // Uses the thread's CPU time, which does not include other processes.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1_000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN);
  };
}

function countLongTasks(page: Page): Promise<void> {
  return page.evaluate(() => {
    const durations: number[] = [];
    Reflect.set(window, "longTasks", durations);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) durations.push(Math.round(duration));
    }).observe({ type: "longtask" });
  });
}
