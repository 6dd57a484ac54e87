import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutText } from "../../../adapters/telegram/cut-text.ts";
import { split } from "../../../adapters/telegram/split.ts";
import type { Segment } from "../../../src/message.ts";

const text = (content: string): Segment => ({ type: "text", text: content });
const texts = (content: string) => split([text(content)]).map(([segment]) => (segment as { text: string }).text);
const codePoints = (content: string) => [...content].length;

describe("text", () => {
  test("of exactly 4,096 code points is one message, one more makes two, whatever their size in UTF-16", () => {
    expect(texts("👍".repeat(4096))).toHaveLength(1);
    expect(texts("👍".repeat(4097)).map(codePoints)).toEqual([4096, 1]);
    expect(texts("a".repeat(4097)).map(codePoints)).toEqual([4096, 1]);
  });

  test.each([
    ["a paragraph", `${"a ".repeat(1500)}\n\n`, "b. c\n".repeat(500)],
    ["a line", `${"a ".repeat(1900)}\n`, "b. ".repeat(400)],
    ["a Chinese sentence", `${"字".repeat(4000)}。`, "字".repeat(500)],
    ["an English sentence", `${"word ".repeat(800)}end. `, "more ".repeat(100)],
    ["a word", `${"word ".repeat(819)}`, "x".repeat(500)],
  ])("is cut after %s", (_name, first, second) => {
    expect(texts(first + second)[0]).toBe(first);
  });

  test("is not cut inside of what a reader sees as one character", () => {
    expect(texts(`${"x".repeat(4093)}👨‍👩‍👧‍👦tail`)).toEqual(["x".repeat(4093), "👨‍👩‍👧‍👦tail"]);
  });

  test("never loses a character and never exceeds the limit", () => {
    const piece = fc.oneof(
      fc.constantFrom("a", "字", "。", ". ", "\n", "\n\n", " ", "👍🏽", "👨‍👩‍👧", "é", "word ", "`", "``", "~~"),
      fc.string({ unit: "grapheme", maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 300 }), fc.integer({ min: 64, max: 200 }), (parts, max) => {
        const whole = parts.join("").replace(/`{3,}|~{3,}/g, "");
        const cut = cutText(whole, max);
        for (const one of cut) expect(codePoints(one)).toBeLessThanOrEqual(max);
        expect(cut.join("").replace(/\s/g, "")).toBe(whole.replace(/\s/g, ""));
      }),
      { numRuns: 200 },
    );
  });
});

describe("code blocks", () => {
  const block = (lines: number) => `\`\`\`ts\n${"const line = 1;\n".repeat(lines)}\`\`\`\n`;

  test("that fit stay whole, even if that leaves a short piece before them", () => {
    const content = `introduction\n${block(255)}after`;
    expect(texts(content)).toEqual(["introduction\n", `${block(255)}after`]);
    expect(texts(`${"word ".repeat(700)}\n${block(100)}`)).toEqual([`${"word ".repeat(700)}\n`, block(100)]);
  });

  test("that are too long become several, each with its fences and language, cut after lines", () => {
    const pieces = texts(block(1000));
    expect(pieces.length).toBeGreaterThan(3);
    for (const piece of pieces) expect(piece).toMatch(/^```ts\n(const line = 1;\n)+```\n$/);
    expect(pieces.join("").match(/const line/g)).toHaveLength(1000);
  });

  test("that never end are closed, and so is one line that is too long", () => {
    const pieces = texts(`\`\`\`\n${"x".repeat(9000)}`);
    for (const piece of pieces) expect(piece).toMatch(/^```\nx+\n```\n$/);
    expect(pieces.join("").replace(/[^x]/g, "")).toHaveLength(9000);
  });

  test("in any mixture with prose: pieces fit, fences are even, no word of the code is lost", () => {
    const part = fc.oneof(
      fc.record({ prose: fc.string({ unit: fc.constantFrom("a", " ", "\n", "字", "。", "👍"), maxLength: 200 }) }),
      fc.record({ code: fc.array(fc.string({ unit: fc.constantFrom("x", "y", " ", "字"), maxLength: 60 }), { maxLength: 20 }) }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.integer({ min: 64, max: 300 }), (parts, max) => {
        const whole = parts
          .map((one) => ("prose" in one ? `${one.prose}\n` : `\`\`\`js\n${one.code.map((line) => `${line}\n`).join("")}\`\`\`\n`))
          .join("");
        const pieces = cutText(whole, max);
        for (const piece of pieces) {
          expect(codePoints(piece)).toBeLessThanOrEqual(max);
          expect((piece.match(/^```/gm) ?? []).length % 2).toBe(0);
        }
        const letters = (content: string) => content.replace(/```(js)?|\s/g, "");
        expect(letters(pieces.join(""))).toBe(letters(whole));
      }),
      { numRuns: 300 },
    );
  });

  test("and their limit hold for hostile fences in good time", () => {
    for (const hostile of [
      "`".repeat(20_000),
      "~".repeat(20_000),
      `${"`".repeat(16)}${"a".repeat(9000)}\n`,
      "```\n".repeat(5000),
      "```a\n\n".repeat(3000),
    ]) {
      const started = performance.now();
      for (const piece of texts(hostile)) expect(codePoints(piece)).toBeLessThanOrEqual(4096);
      expect(performance.now() - started).toBeLessThan(1000);
    }
  });
});

describe("media", () => {
  const image: Segment = { type: "image", ref: "f1" };

  test("takes the short text behind it as caption", () => {
    expect(split([text("before"), image, text("a caption"), text(" in two")])).toEqual([
      [text("before")],
      [image, text("a caption in two")],
    ]);
  });

  test("has text beyond 1,024 code points sent after it", () => {
    expect(split([image, text("👍".repeat(1024))])).toHaveLength(1);
    expect(split([image, text("👍".repeat(1025))])).toEqual([[image], [text("👍".repeat(1025))]]);
  });

  test("in a row is one message each", () => {
    expect(split([image, image, text("of the second")])).toEqual([[image], [image, text("of the second")]]);
  });

  test("that Telegram cannot fetch becomes a link", () => {
    expect(split([{ type: "file", url: "https://x.example/a.docx", name: "a.docx" }])).toEqual([[text("a.docx https://x.example/a.docx")]]);
    expect(split([{ type: "file", url: "https://x.example/a.pdf?x=1" }])).toEqual([[{ type: "file", url: "https://x.example/a.pdf?x=1" }]]);
    expect(split([{ type: "image", url: "file:///etc/passwd" }])).toEqual([[text("file:///etc/passwd")]]);
    expect(split([{ type: "video" }])).toEqual([[text("[video]")]]);
  });
});

test("a quote goes before the first call, and alone is nothing to send", () => {
  const quote: Segment = { type: "quote", id: "1:2" };
  expect(split([text("a".repeat(5000)), quote]).map((call) => call.map(({ type }) => type))).toEqual([["quote", "text"], ["text"]]);
  expect(split([quote])).toEqual([]);
});

test("mentions and a text of another kind: one call for each kind", () => {
  expect(split([text("hi "), { type: "mention", name: "li" }, { type: "markdown", text: "**b**" }, text("  \n ")])).toEqual([
    [text("hi @li")],
    [{ type: "markdown", text: "**b**" }],
  ]);
});
