import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { qqConfig } from "../../../adapters/qq/config.ts";
import { merge, split } from "../../../adapters/qq/split.ts";
import { type Conversation, plainText, type Segment } from "../../../src/message.ts";

const MOST = 4500;
const text = (value: string): Segment => ({ type: "text", text: value });
const windows = qqConfig.parse({ app_id: "102000001", secret: "of-a-test" }).reply_windows;
const direct: Conversation = { id: "u1", type: "direct" };
const together = (segments: Segment[]) =>
  merge(
    segments.map((segment) => [segment]),
    direct,
    windows,
  );

describe("a text", () => {
  test("is whole once its pieces are put together, and each piece fits, whatever the text", () => {
    const words = fc.array(
      fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("\n\n", "。", ". ", "词", "👨‍👩‍👧‍👦", "x".repeat(3000))),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(words, (parts) => {
        const whole = `a${parts.join("")}z`;
        const pieces = split([text(whole)]).map((segments) => plainText(segments));
        expect(pieces.every((piece) => piece.length <= MOST)).toBe(true);
        if (pieces.every((piece) => piece.trim() !== "") && !/\s{2000}/.test(whole)) expect(pieces.join("")).toBe(whole);
      }),
      { numRuns: 60 },
    );
  });

  test("is cut after a paragraph, and no character is cut in two", () => {
    const [first] = split([text(`${"a".repeat(4000)}\n\n${"b".repeat(4000)}`)]);
    expect(plainText(first!)).toBe(`${"a".repeat(4000)}\n\n`);
    for (const piece of split([text("👨‍👩‍👧‍👦".repeat(1000))])) expect(plainText(piece)).toMatch(/^(👨‍👩‍👧‍👦)+$/u);
  });
});

test("text, markdown and media are calls of their own; mentions and quotes go with the text", () => {
  const quote: Segment = { type: "quote", id: "q" };
  const mention: Segment = { type: "mention", id: "u2" };
  const image: Segment = { type: "image", url: "https://cdn.test/a.png" };
  const markdown: Segment = { type: "markdown", text: "**b**" };
  expect(split([quote, mention, text(" a"), markdown, image, text("c")])).toEqual([
    [quote, mention, text(" a")],
    [markdown],
    [image],
    [text("c")],
  ]);
  expect(split([text(" \n")])).toEqual([]);
});

describe("what a skill says in many replies", () => {
  test("stays as it is while the platform takes that many", () => {
    const contents = [1, 2, 3, 4].map((n) => [text(`${n}`)]);
    expect(merge(contents, direct, windows)).toBe(contents);
  });

  test("goes into two, of which the last is the final text, when there are more", () => {
    expect(together([1, 2, 3, 4, 5, 6].map((n) => text(`${n}`))).map(plainText)).toEqual(["1\n\n2\n\n3\n\n4\n\n5", "6"]);
  });

  test("goes into one when the final text leaves room for it", () => {
    const long = text("x".repeat(3 * MOST + 100));
    const merged = together([text("1"), text("2"), long]);
    expect(merged).toHaveLength(1);
    expect(split(merged[0]!)).toHaveLength(4);
    const five = together([...Array.from({ length: 5 }, (_, n) => text(`${n}`.repeat(3000))), text("end")]);
    expect(five.flatMap(split).length).toBeLessThanOrEqual(4);
    expect(plainText(five.flat())).toContain("end");
  });

  test("loses nothing even when it can never fit", () => {
    const contents = Array.from({ length: 12 }, (_, n) => text(`${n % 10}`.repeat(4000)));
    expect(together(contents).map(plainText).join("").replaceAll("\n", "")).toBe(contents.map((one) => plainText([one])).join(""));
  });

  test("counts by what the chat takes: five in a group", () => {
    const contents = [1, 2, 3, 4, 5].map((n) => [text(`${n}`)]);
    expect(merge(contents, { id: "g1", type: "group" }, windows)).toHaveLength(5);
  });
});
