import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { split } from "../../../adapters/wecom/split.ts";
import type { Segment } from "../../../src/message.ts";

const LIMIT = 2048;
const cut = (text: string) => split([{ type: "text", text }]).map(([part]) => (part as { text: string }).text);
const graphemes = (text: string) => [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].length;

const longText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 30 }),
      fc.constantFrom("\n\n", "\n", "。", ". ", " ", "👨‍👩‍👧‍👦", "é", "🇨🇳", "x".repeat(700)),
    ),
    {
      maxLength: 120,
    },
  )
  .map((parts) => parts.join(""));

test("pieces fit, lose nothing and cut no character in two", () => {
  fc.assert(
    fc.property(longText, (text) => {
      const found = cut(text);
      for (const piece of found) {
        expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(LIMIT);
        expect(Buffer.from(piece).toString()).toBe(piece);
      }
      if (found.length > 0 || text.trim() !== "") {
        expect(found.join("").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
        if (!/\s{500}/.test(text)) expect(found.join("")).toBe(text);
      }
      expect(found.reduce((sum, piece) => sum + graphemes(piece), 0)).toBe(graphemes(found.join("")));
    }),
    { numRuns: 300 },
  );
});

describe("the place of the cut", () => {
  const fill = (bytes: number) => "x".repeat(bytes);

  test.each([
    ["a paragraph before a line", `${fill(1100)}\n\n${fill(400)}\n${fill(300)}. ${fill(100)} ${fill(900)}`, 1102],
    ["a line before a sentence", `${fill(1500)}\n${fill(300)}. ${fill(100)} ${fill(900)}`, 1501],
    ["a sentence before a word", `${fill(1800)}. ${fill(100)} ${fill(900)}`, 1802],
    ["a word before nothing", `${fill(1900)} ${fill(900)}`, 1901],
    ["nothing, rather than half a piece wasted", `${fill(100)}\n\n${fill(2500)}`, 2048],
    ["after the closing quote of a Chinese sentence", `${"字".repeat(500)}。”${"字".repeat(500)}`, 502],
    ["between Chinese characters", "字".repeat(1000), 682],
  ])("%s", (_name, text, at) => {
    expect(cut(text)[0]).toHaveLength(at);
    expect(cut(text).join("")).toBe(text);
  });

  test("exactly at the limit nothing is cut", () => {
    expect(cut(fill(LIMIT))).toHaveLength(1);
    expect(cut(fill(LIMIT + 1))).toEqual([fill(LIMIT), "x"]);
    expect(cut(`${"字".repeat(682)}xx`)).toHaveLength(1);
  });

  test("a family stays together, a grapheme larger than a message does not", () => {
    const family = "👨‍👩‍👧‍👦";
    for (let before = 2020; before < 2048; before++) {
      const text = fill(before) + family;
      expect(cut(text)).toEqual(before + Buffer.byteLength(family) <= LIMIT ? [text] : [fill(before), family]);
    }
    const monster = `e${"\u0301".repeat(3000)}`;
    expect(cut(monster).join("")).toBe(monster);
  });

  test("a long text is cut in time in proportion to its length", () => {
    const text = `${"\n".repeat(1024)}${"x ".repeat(512)}`.repeat(500);
    const started = performance.now();
    expect(cut(text).length).toBeGreaterThan(200);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("segments", () => {
  test("neighbours of one kind share a call, media that the platform holds has its own", () => {
    const segments: Segment[] = [
      { type: "mention", name: "张三" },
      { type: "text", text: " see " },
      { type: "image", url: "https://example.com/a.png", name: "a.png" },
      { type: "markdown", text: "**b**" },
      { type: "location", latitude: 1.5, longitude: 2, title: "here" },
      { type: "image", ref: "media-1" },
      { type: "file", data: "aGk=", name: "hi.txt" },
      { type: "quote", id: "9" },
    ];
    expect(split(segments)).toEqual([
      [{ type: "text", text: "@张三 see a.png https://example.com/a.png" }],
      [{ type: "markdown", text: "**b**here 1.5,2" }],
      [{ type: "image", ref: "media-1" }],
      [{ type: "text", text: "[hi.txt]" }],
    ]);
  });

  test("what would be an empty message is none", () => {
    expect(split([])).toEqual([]);
    expect(split([{ type: "text", text: " \n" }])).toEqual([]);
    expect(split([{ type: "quote", id: "1" }])).toEqual([]);
  });

  test("markdown is cut like text", () => {
    const parts = split([{ type: "markdown", text: "# a\n".repeat(1000) }]);
    expect(parts.length).toBe(2);
    expect(parts.every(([part]) => part?.type === "markdown")).toBe(true);
  });

  test("splitting what was split changes nothing", () => {
    fc.assert(
      fc.property(longText, (text) => {
        for (const part of split([{ type: "markdown", text }])) expect(split(part)).toEqual([part]);
      }),
      { numRuns: 50 },
    );
  });
});
