/** What axe finds on a page. */
import { type AxeResults, source } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Fails with the elements that keep people out who do not see, or who use no mouse. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(source);
  const { violations } = await page.evaluate<AxeResults>("axe.run({ resultTypes: ['violations'] })");
  const found = violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n  ${failureSummary ?? ""}`).join("\n")}`,
  );
  expect(found).toEqual([]);
}
