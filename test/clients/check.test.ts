/** `sluice check` against a server of another project: CopilotKit's runtime, with an agent that only sends text. */
import { expect, test } from "vitest";
import { check } from "../../src/check/check.ts";
import { asText, exitCode } from "../../src/check/report.ts";
import { startRuntime } from "./runtime.ts";

test("CopilotKit's runtime is named for its header, and meets the rest of what it offers", async () => {
  const runtime = await startRuntime("http://127.0.0.1:9");
  try {
    const url = `${runtime.url}/agui/agent/plain/run`;
    const target = { url, socket: undefined, agent: undefined, headers: {}, timeoutMs: 15_000 };
    const finding = await check({ ...target, message: "How does a river find the sea?" });
    const { results } = finding;
    expect(results.filter(({ verdict }) => verdict === "failed")).toMatchObject([
      { id: "1.5", found: ["Cache-Control is no-cache"] },
    ]);
    expect(exitCode(finding)).toBe(1);
    const chapters = (verdict: string) => [
      ...new Set(results.flatMap((result) => (result.verdict === verdict ? [Number.parseInt(result.id, 10)] : []))),
    ];
    expect(chapters("passed")).toEqual([1, 2, 3, 4, 5, 12]);
    // It has no cursors, no WebSocket, and no route for the thread.
    expect(chapters("not offered")).toEqual([4, 6, 7, 8, 9, 10, 11, 13]);
    expect(asText(finding, "docs/binding.md")).toMatch(/\n {3}1 {2}Request and response +4 of 5\n/);
  } finally {
    runtime.close();
  }
}, 60_000);
