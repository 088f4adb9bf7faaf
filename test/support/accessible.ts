/** Checks a page with axe. */
import { type AxeResults, source } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Fails with the elements that are not accessible to people who cannot see or do not use a mouse. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(source);
  const { violations } = await page.evaluate<AxeResults>("axe.run({ resultTypes: ['violations'] })");
  const found = violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n  ${failureSummary ?? ""}`).join("\n")}`,
  );
  expect(found).toEqual([]);
}
