/** Text in a terminal is wrapped at spaces, for any pieces in which it arrives. */
import { expect, test } from "vitest";
import { Folding } from "../../src/cli/chat/folding.ts";
import { TerminalLayout } from "../../src/cli/chat/layout.ts";

/** Returns the lines that a terminal of this width shows. The terminal wraps only when another character follows. */
function screenOf(written: string, width: number): string[] {
  const lines: string[] = [""];
  let column = 0;
  for (const [token] of written.replaceAll("\x1b", "ESC").matchAll(/ESC\[\d+C|ESC\[K|[\s\S]/gu)) {
    const line = lines.at(-1) ?? "";
    if (token === "\n") {
      lines.push("");
      column = 0;
    } else if (token === "\r") column = 0;
    else if (token === "ESC[K") lines[lines.length - 1] = line.slice(0, column);
    else if (token.startsWith("ESC")) column += Number(/\d+/.exec(token)?.[0]);
    else {
      expect(column).toBeLessThan(width); // Otherwise the terminal would break the line.
      lines[lines.length - 1] = line.slice(0, column) + token;
      column += token.length;
    }
  }
  return lines.map((line) => line.trimEnd());
}

const TEXT = "The lock fills slowly.\nThen the upper gate opens, and the boat sails on into the reach above.";
const FOLDED = [
  "The lock fills",
  "slowly.",
  "Then the upper",
  "gate opens, and",
  "the boat sails",
  "on into the",
  "reach above.",
];

test.each([1, 2, 3, 5, 7, 1_000])("in pieces of %i characters", (size) => {
  const folding = new Folding(() => 15);
  const pieces = TEXT.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? [];
  expect(screenOf(pieces.map((piece) => folding.push(piece)).join(""), 15)).toEqual(FOLDED);
});

test("what comes whole needs no cursor", () => {
  expect(new Folding(() => 15).push(TEXT)).not.toContain("\x1b");
});

test("a word wider than the line is cut, and wide characters count twice", () => {
  expect(screenOf(new Folding(() => 5).push("a abcdefgh"), 5)).toEqual(["a", "abcde", "fgh"]);
  expect(new Folding(() => 5).push("水水水水")).toBe("水水\n水水");
});

test("no width folds nothing", () => {
  expect(new Folding(() => Number.POSITIVE_INFINITY).push(TEXT)).toBe(TEXT);
});

test("the terminal folds what a graph sends besides", () => {
  const layout = new TerminalLayout(
    (_, text) => text,
    () => 15,
  );
  expect(layout.write({ kind: "custom", name: "sources", value: "[1] canal locks" }).stdout).toBe(
    "· sources [1] \ncanal locks\n",
  );
});

test("the terminal folds answers and questions", () => {
  const layout = new TerminalLayout(
    (_, text) => text,
    () => 15,
  );
  const write = (kind: "answer" | "question", text: string) => layout.write({ kind, id: "m", text }).stdout;
  const written = [
    write("answer", "The lock fills slo"),
    write("answer", "wly."),
    write("question", "Open the upper gate?"),
  ];
  expect(screenOf(written.join(""), 15)).toEqual(["The lock fills", "slowly.", "", "Open the upper", "gate?", ""]);
});
