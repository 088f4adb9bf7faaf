/** Reports for people and for programs. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { diagnose } from "../../src/doctor/diagnose.ts";
import { report, reportJson } from "../../src/doctor/report.ts";
import { gapBars, timeline } from "../../src/doctor/timeline.ts";
import { FIXES, PAGE, type Verdict } from "../../src/doctor/verdict.ts";
import { every, exchange, modelRun, nodeRun, pieces } from "./evidence.ts";

const PLAIN = { page: "node_modules/langgraph-sluice/docs/page.md", width: 80, color: false };
const good = modelRun(pieces(every(20, 40, 1_010)), {
  exchanges: [exchange({ endedAt: 1_900, reads: every(20, 40, 1_005) })],
});
const bad = nodeRun();

describe("for people", () => {
  test("a good one is short", () => {
    expect(report(good, diagnose(good), PLAIN)).toMatch(
      /^sluice doctor graph\.ts:graph\n\n✓ Tokens stream: 40 pieces over 780 ms, the first after 1\.0 s\.\n {2}streams\n\n {2}Evidence\n/,
    );
  });

  test("a bad one says what to change, and where more is", () => {
    const delivered = report(bad, diagnose(bad), PLAIN);
    expect(delivered).toContain('✗ Node "chat" returns finished text');
    expect(delivered).toMatch(/\n {2}Evidence\n {4}node "chat" +1\.9 s\n/);
    expect(delivered).toMatch(/\n {2}Fix\n {4}If the text should come token by token/);
    expect(delivered).toContain(`More: node_modules/langgraph-sluice/docs/page.md#finished-text\n`);
  });

  test.each([60, 80, 120])("no line is longer than %i characters", (width) => {
    for (const seen of [good, bad]) {
      const lines = report(seen, diagnose(seen), { ...PLAIN, width, page: PAGE }).split("\n");
      expect(lines.filter((line) => line.length > width)).toEqual([]);
    }
  });

  test("colours only where they are wanted", () => {
    expect(report(bad, diagnose(bad), PLAIN)).not.toContain("\u001b");
    expect(report(bad, diagnose(bad), { ...PLAIN, color: true })).toContain("\u001b[31m✗");
  });

  test("what somebody else said stays in its line, and brings no control characters along", () => {
    const verdict: Verdict = {
      code: "run-failed",
      kind: "fault",
      sentence: "It failed: a\nb\u001b[2J",
      evidence: [["it said", `one\n\ntwo\u001b[31m ${"long ".repeat(100)}`]],
      fix: "",
      link: "",
    };
    const delivered = report(bad, [verdict], PLAIN);
    expect(delivered).toContain("It failed: a b");
    expect(delivered).toMatch(/it said {2}one two/);
    expect(delivered).not.toContain("\u001b");
    expect(Math.max(...delivered.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe("for programs", () => {
  test("the shape is stable", () => {
    const delivered = JSON.parse(reportJson(bad, diagnose(bad))) as Record<string, unknown>;
    expect(delivered).toMatchObject({
      target: "graph.ts:graph",
      streams: false,
      verdicts: [
        {
          code: "finished-text",
          kind: "fault",
          sentence: expect.any(String),
          evidence: expect.any(Array),
          fix: FIXES["finished-text"],
          link: `${PAGE}#finished-text`,
        },
      ],
      evidence: { end: { kind: "ended" }, totalMs: 2_000 },
    });
    expect(JSON.parse(reportJson(good, diagnose(good)))).toMatchObject({ streams: true });
  });
});

describe("the timeline", () => {
  test("has a bar for each gap between two tokens", () => {
    expect(gapBars([80, 10, 0, 40], 40)).toBe("█▂▁▅");
  });

  test("puts gaps together where there is no room, and shows the longest", () => {
    const bars = gapBars([...every(0, 50, 10), 800, ...every(0, 49, 10)], 20);
    expect(bars).toHaveLength(20);
    expect(bars.match(/█/g)).toHaveLength(1);
  });

  test("shows when bytes arrived and when tokens were sent, on one axis", () => {
    const [gaps, bytes, tokens, axis] = timeline(good, 60);
    expect(gaps).toMatch(/^gaps +█{39} {2}█ 20 ms$/);
    expect(bytes).toMatch(/^bytes in +·{20,}[▁-█·]+$/);
    expect(tokens).toMatch(/^tokens +·{20,}[▁-█·]+$/);
    expect(axis).toMatch(/^ +0 +2\.0 s$/);
    expect(new Set([bytes, tokens, axis].map((line) => line?.length))).toEqual(new Set([60]));
  });

  test("is not there when nothing came", () => {
    expect(timeline({ ...bad, delivered: { ...bad.delivered, tokens: [] } }, 60)).toEqual([]);
  });
});

test("the page's links lead to headings that are there", () => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const pages: Record<string, string> = { "": read(PAGE), "../PROTOCOL.md": read("PROTOCOL.md") };
  const links = [...read(PAGE).matchAll(/\]\(([\w./-]*)#([\w-]+)\)/g)];
  expect(links.length).toBeGreaterThan(0);
  const anchor = (title: string) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-");
  for (const [, file = "", target] of links) {
    const titles = [...(pages[file] ?? "").matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => anchor(title));
    expect(titles).toContain(target);
  }
});

test("every verdict has a section in the page it links to, and every section a verdict", () => {
  const page = readFileSync(new URL(`../../${PAGE}`, import.meta.url), "utf8");
  const sections = [...page.matchAll(/^### (.+)$/gm)].map(([, title]) => title);
  expect(sections.toSorted()).toEqual(Object.keys(FIXES).toSorted());
});
