import { describe, expect, it } from "vitest";
import { calculator } from "../../src/agents/tools/calculator.ts";
import { convertUnits } from "../../src/agents/tools/convert-units.ts";
import { currentTime } from "../../src/agents/tools/current-time.ts";
import { type FoundExcerpt, searchDocs } from "../../src/agents/tools/search-docs.ts";
import { DOCUMENTS } from "./turn.ts";

describe("calculator", () => {
  const calculate = (expression: string): Promise<string> => calculator.invoke({ expression });

  it.each([
    ["2 * (3 + 4)", "14"],
    ["0.1 + 0.2", "0.3"],
    ["sqrt(2)^2 + 5!", "122"],
    ["combinations(52, 5)", "2598960"],
    ["sqrt(-4)", "2i"],
    ["3 > 2", "true"],
    ["1e14 + 0.5", "100000000000000"],
  ])("%s is %s", async (expression, result) => {
    expect(await calculate(expression)).toBe(result);
  });

  it.each([
    ["9^9^9", /not a finite number/],
    ["1/0", /division by zero/],
    ["1:1000000000", /no range/],
    ["ones(100000, 100000)", /Unknown function "ones"/],
    ["[1, 2; 3, 4]^1000000", /no array/],
    ["combinations(1e9, 5e8)", /up to 10000/],
    ["permutations(1e9)", /up to 10000/],
    ["f(n) = f(n - 1) + f(n - 1)", /no function assignment/],
    ["x = 1", /no assignment/],
    ["1; 2", /no block/],
    ['evaluate("1")', /Unknown function "evaluate"/],
    ["import({})", /Unknown function "import"/],
    ["(1).constructor", /no accessor/],
    ["constructor", /Unknown name "constructor"/],
    ["'a'", /cannot contain text/],
    ["sin", /"sin" is a function/],
    ["undefined", /no value/],
    ["5 km", /use convert_units/],
    ["2 +", /Unexpected end/],
    ["1+".repeat(150).concat("1"), /200/],
  ])("refuses %s", async (expression, message) => {
    await expect(calculate(expression)).rejects.toThrow(message);
  });
});

describe("convert_units", () => {
  it.each([
    [5, "km", "miles", "5 km = 3.106855961 miles"],
    [20, "Celsius", "Fahrenheit", "20 Celsius = 68 Fahrenheit"],
    [212, "°F", "°C", "212 °F = 100 °C"],
    [100, "kph", "mph", "100 kph = 62.13711922 mph"],
    [1, "kilometre", "metres", "1 kilometre = 1000 metres"],
    [1, "GB", "MB", "1 GB = 1000 MB"],
  ])("converts %d %s to %s", async (value, from, to, result) => {
    expect(await convertUnits.invoke({ value, from, to })).toBe(result);
  });

  it.each([
    ["km", "kg", /Cannot convert km to kg: Units do not match/],
    ["frobs", "m", /Unit "frobs" not found\. Valid units are/],
  ])("refuses to convert %s to %s", async (from, to, message) => {
    await expect(convertUnits.invoke({ value: 1, from, to })).rejects.toThrow(message);
  });
});

describe("current_time", () => {
  const clock = currentTime({ now: () => new Date("2025-01-02T20:04:05Z") });

  it.each([
    ["Asia/Tokyo", "Friday, 3 January 2025 at 05:04 (Asia/Tokyo, UTC+09:00)"],
    ["new york", "Thursday, 2 January 2025 at 15:04 (America/New_York, UTC-05:00)"],
    ["San Francisco", "Thursday, 2 January 2025 at 12:04 (America/Los_Angeles, UTC-08:00)"],
    [undefined, "Thursday, 2 January 2025 at 20:04 (UTC, UTC+00:00)"],
  ])("in %s", async (place, text) => {
    expect(await clock.invoke({ place })).toBe(text);
  });

  it("names valid examples when it does not know the place", async () => {
    await expect(clock.invoke({ place: "Atlantis" })).rejects.toThrow(/"Atlantis".*Europe\/Paris.*Tokyo/);
  });
});

describe("search_docs", () => {
  const search = async (query: string, documents = DOCUMENTS): Promise<FoundExcerpt[]> =>
    JSON.parse(await searchDocs(documents).invoke({ query }));

  it("finds the section by another form of the word, and does not take a comment for a heading", async () => {
    const [best] = await search("how do I resume a run?");
    expect(best).toMatchObject({ title: "Resuming a run", source: "GUIDE.md" });
    expect(best?.excerpt).toContain("# resume resume resume");
  });

  it("returns at most three sections, the best first", async () => {
    const text = ["cursors", "cursors and more", "other", "cursors again", "the cursor"]
      .map((words, n) => `## Part ${n}\n${words}`)
      .join("\n");
    const found = await search("cursor", [
      { source: "A.md", text },
      { source: "B.md", text: "# Cursor\ncursor" },
    ]);
    expect(found).toHaveLength(3);
    expect(found[0]).toMatchObject({ title: "Cursor", source: "B.md" });
  });

  it("finds a section by the headings above it", async () => {
    const text = "# Storage\n## Redis\n### Limits\nTen thousand entries.\n# Sockets\n### Limits\nA hundred sockets.";
    const found = await search("redis limits", [{ source: "A.md", text }]);
    expect(found[0]?.excerpt).toBe("Ten thousand entries.");
  });

  it("starts the excerpt where the matched words are", async () => {
    const text = `# Words\n${"Much else. ".repeat(90)}\n\n- **Epoch**: it changes.\n- **Cursor**: where to go on.`;
    const [best] = await search("what is a cursor?", [{ source: "A.md", text }]);
    expect(best?.excerpt).toBe("- **Cursor**: where to go on.");
  });

  it("cuts a long section between words and closes its code block", async () => {
    const text = `# Setup\n\`\`\`\n${"word ".repeat(400)}\n\`\`\``;
    const [best] = await search("setup", [{ source: "A.md", text }]);
    expect(best?.excerpt.length).toBeLessThan(850);
    expect(best?.excerpt).toMatch(/word …\n```$/);
  });

  it("answers without links that lead nowhere, and without the document's line breaks", async () => {
    const text = "# Weirs\nA weir holds\nwater back: see [locks](LOCKS.md#locks).";
    const [best] = await search("weirs", [{ source: "A.md", text }]);
    expect(best?.excerpt).toBe("A weir holds water back: see locks.");
  });

  it("says so when nothing matches", async () => {
    expect(await searchDocs([]).invoke({ query: "anything" })).toMatch(/No section/);
  });
});
