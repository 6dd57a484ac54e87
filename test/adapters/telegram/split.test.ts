import { describe, expect, test } from "vitest";
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

  test("is cut after a paragraph rather than in what a reader sees as one character", () => {
    expect(texts(`${"a ".repeat(1500)}\n\n${"b. c\n".repeat(500)}`)[0]).toBe(`${"a ".repeat(1500)}\n\n`);
    expect(texts(`${"x".repeat(4093)}👨‍👩‍👧‍👦tail`)).toEqual(["x".repeat(4093), "👨‍👩‍👧‍👦tail"]);
  });

  test("has its code blocks whole, or cut with their fences", () => {
    const block = (lines: number) => `\`\`\`ts\n${"const line = 1;\n".repeat(lines)}\`\`\`\n`;
    expect(texts(`introduction\n${block(255)}after`)).toEqual(["introduction\n", `${block(255)}after`]);
    for (const piece of texts(block(1000))) expect(piece).toMatch(/^```ts\n(const line = 1;\n)+```\n$/);
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
