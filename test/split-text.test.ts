import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pieceLength, type SplitOptions, splitText } from "../src/split-text.ts";

const MEASURES: Record<string, { measure: SplitOptions["measure"]; size: (text: string) => number }> = {
  bytes: { measure: "bytes", size: (text) => Buffer.byteLength(text) },
  "code points": { measure: "codePoints", size: (text) => [...text].length },
  "UTF-16 units": { measure: (character) => character.length, size: (text) => text.length },
  "a measure of one's own": {
    measure: (character) => JSON.stringify(character).length - 2,
    size: (text) => JSON.stringify(text).length - 2,
  },
};

const family = "👨‍👩‍👧‍👦";
const fill = (characters: number) => "x".repeat(characters);
const bytes = (text: string) => splitText(text, { limit: 2048, measure: "bytes" });
const graphemeStarts = (text: string) => {
  const starts = [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map(({ index }) => index);
  return new Set([...starts, text.length]);
};

const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 20 }),
      fc.constantFrom("\n\n", "\r\n", "\n", "。", ". ", " ", '"', "字", "👍🏽", family, "🇨🇳", "word ", "`", "``", "~~", fill(70)),
    ),
    { maxLength: 120, size: "max" },
  )
  .map((parts) => parts.join(""));

describe.each(Object.entries(MEASURES))("by %s", (_name, { measure, size }) => {
  test("pieces fit, lose nothing but blanks and cut no character in two", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 64, max: 400 }), (text, limit) => {
        const pieces = splitText(text, { limit, measure });
        const starts = graphemeStarts(text);
        let at = 0;
        for (const piece of pieces) {
          expect(size(piece)).toBeLessThanOrEqual(limit);
          const start = text.indexOf(piece, at);
          expect(text.slice(at, start).trim()).toBe("");
          at = start + piece.length;
          expect([start, at].every((cut) => starts.has(cut))).toBe(true);
        }
        expect(text.slice(at).trim()).toBe("");
      }),
      { numRuns: 150 },
    );
  });

  test("what was split is not split again", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 64, max: 400 }), fc.boolean(), (text, limit, fences) => {
        for (const piece of splitText(text, { limit, measure, fences })) {
          expect(splitText(piece, { limit, measure, fences })).toEqual([piece]);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("the place of the cut", () => {
  test.each([
    ["a paragraph before a line", `${fill(1100)}\n\n${fill(400)}\n${fill(300)}. ${fill(100)} ${fill(900)}`, 1102],
    ["a line before a sentence", `${fill(1500)}\n${fill(300)}. ${fill(100)} ${fill(900)}`, 1501],
    ["a sentence before a word", `${fill(1800)}. ${fill(100)} ${fill(900)}`, 1802],
    ["a word before nothing", `${fill(1900)} ${fill(900)}`, 1901],
    ["nothing, rather than half a piece wasted", `${fill(100)}\n\n${fill(2500)}`, 2048],
    ["after a Chinese sentence", `${"字".repeat(500)}！${"字".repeat(500)}`, 501],
    ["after the closing quote of a Chinese sentence", `${"字".repeat(500)}。”${"字".repeat(500)}`, 502],
    ["between Chinese characters", "字".repeat(1000), 682],
  ])("%s", (_name, text, at) => {
    expect(bytes(text)[0]).toHaveLength(at);
    expect(bytes(text).join("")).toBe(text);
  });

  test("exactly at the limit nothing is cut", () => {
    expect(bytes(fill(2048))).toEqual([fill(2048)]);
    expect(bytes(fill(2049))).toEqual([fill(2048), "x"]);
    expect(bytes(`${"字".repeat(682)}xx`)).toHaveLength(1);
    expect(splitText("👍".repeat(4097), { limit: 4096, measure: "codePoints" })).toEqual(["👍".repeat(4096), "👍"]);
  });

  test("a family stays together, a grapheme larger than a message does not", () => {
    for (let before = 2020; before < 2048; before++) {
      const text = fill(before) + family;
      expect(bytes(text)).toEqual(before + Buffer.byteLength(family) <= 2048 ? [text] : [fill(before), family]);
    }
    const monster = `e${"\u0301".repeat(3000)}`;
    expect(bytes(monster).join("")).toBe(monster);
  });

  test("a piece must be as full as asked before it ends at a good place", () => {
    const text = `${fill(60)} ${fill(60)}`;
    expect(splitText(text, { limit: 100, measure: "codePoints" })[0]).toHaveLength(61);
    expect(splitText(text, { limit: 100, measure: "codePoints", fill: 0.95 })[0]).toHaveLength(100);
  });

  test("a character larger than the limit is a piece of its own", () => {
    for (const fences of [false, true]) expect(splitText("a字👍", { limit: 1, measure: "bytes", fences })).toEqual(["a", "字", "👍"]);
    expect(pieceLength("👍👍", { limit: 1, measure: "bytes" })).toBe(2);
  });

  test("blanks alone are no piece", () => {
    expect(bytes("")).toEqual([]);
    expect(bytes(" \n".repeat(5000))).toEqual([]);
  });
});

describe("code blocks", () => {
  const cut = (text: string, limit = 4096) => splitText(text, { limit, measure: "codePoints", fences: true });
  const block = (lines: number) => `\`\`\`ts\n${"const line = 1;\n".repeat(lines)}\`\`\`\n`;

  test("that fit stay whole, even if that leaves a short piece before them", () => {
    expect(cut(`introduction\n${block(255)}after`)).toEqual(["introduction\n", `${block(255)}after`]);
    expect(cut(`${"word ".repeat(700)}\n${block(100)}`)).toEqual([`${"word ".repeat(700)}\n`, block(100)]);
  });

  test("that are too long become several, each with its fences and language, cut after lines", () => {
    const pieces = cut(block(1000));
    expect(pieces.length).toBeGreaterThan(3);
    for (const piece of pieces) expect(piece).toMatch(/^```ts\n(const line = 1;\n)+```\n$/);
    expect(pieces.join("").match(/const line/g)).toHaveLength(1000);
  });

  test("that never end are closed, and so is one line that is too long", () => {
    const pieces = cut(`\`\`\`\n${"x".repeat(9000)}`);
    for (const piece of pieces) expect(piece).toMatch(/^```\nx+\n```\n$/);
    expect(pieces.join("").replace(/[^x]/g, "")).toHaveLength(9000);
  });

  test("are text like any other unless asked for", () => {
    expect(splitText(block(10), { limit: 100, measure: "codePoints" }).join("")).toBe(block(10));
  });

  test("are text like any other where their fences would take half a piece", () => {
    const text = "```ts\nlet a = 1;\nlet b = 2;\n```\n";
    expect(cut(text, 16).join("")).toBe(text);
  });

  test.each(Object.entries(MEASURES))(
    "by %s, in any mixture with prose: pieces fit, fences are even, no word is lost",
    (_name, { measure, size }) => {
      const part = fc.oneof(
        fc.record({ prose: fc.string({ unit: fc.constantFrom("a", " ", "\n", "字", "。", "👍"), maxLength: 200 }) }),
        fc.record({ code: fc.array(fc.string({ unit: fc.constantFrom("x", "y", " ", "字"), maxLength: 60 }), { maxLength: 20 }) }),
      );
      fc.assert(
        fc.property(fc.array(part, { maxLength: 12, size: "max" }), fc.integer({ min: 64, max: 300 }), (parts, limit) => {
          const whole = parts
            .map((one) => ("prose" in one ? `${one.prose}\n` : `\`\`\`js\n${one.code.map((line) => `${line}\n`).join("")}\`\`\`\n`))
            .join("");
          const pieces = splitText(whole, { limit, measure, fences: true });
          for (const piece of pieces) {
            expect(size(piece)).toBeLessThanOrEqual(limit);
            expect((piece.match(/^```/gm) ?? []).length % 2).toBe(0);
          }
          const letters = (content: string) => content.replace(/```(js)?|\s/g, "");
          expect(letters(pieces.join(""))).toBe(letters(whole));
        }),
        { numRuns: 100 },
      );
    },
  );
});

describe("a text of a megabyte is cut in good time, even a hostile one:", () => {
  const many = (part: string) => part.repeat(1_000_000 / part.length);

  test.each([
    ["words", "word "],
    ["no good place", "x"],
    ["good places in the wrong half", `${"\n".repeat(1024)}${"x ".repeat(512)}`],
    ["characters outside of the basic plane", "👍"],
    ["one grapheme", "\u0301"],
    ["blanks", " "],
    ["backticks", "`"],
    ["tildes", "~"],
    ["a long fence", `${"`".repeat(16)}${"a".repeat(9000)}\n`],
    ["fences", "```\n"],
    ["fences that do not end", "```a\n\n"],
    ["code and prose", "```\na\n```\nb\n"],
    ["fences with blanks behind", `\`\`\`${" ".repeat(400)}x\n`],
  ])("%s", (_name, part) => {
    const text = many(part);
    const started = performance.now();
    for (const measure of ["bytes", (character: string) => character.length] as const) splitText(text, { limit: 2048, measure });
    splitText(text, { limit: 4096, measure: "codePoints", fences: true });
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
