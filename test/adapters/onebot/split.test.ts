import type { Segment } from "clawdbot";
import fc from "fast-check";
import { expect, test } from "vitest";
import { split } from "../../../adapters/onebot/split.ts";

const text = (written: string): Segment => ({ type: "text", text: written });
const image: Segment = { type: "image", url: "https://example.com/a.png" };
const voice: Segment = { type: "voice", data: "AAAA" };

test("what fits goes out in one call: quote, mention, text and pictures", () => {
  const segments: Segment[] = [{ type: "quote", id: "7" }, { type: "mention", id: "5" }, text(" hi "), image];
  expect(split(segments)).toEqual([segments]);
});

test("a blank between two mentions stays", () => {
  const segments: Segment[] = [{ type: "mention", id: "5" }, text(" "), { type: "mention", id: "6" }, text(" hi")];
  expect(split(segments)).toEqual([segments]);
});

test("long text is cut at lines, and nothing of it is lost", () => {
  const long = Array.from({ length: 400 }, (_, n) => `第${n}行 line ${n}`).join("\n");
  const calls = split([text(long)]);
  expect(calls.length).toBeGreaterThan(1);
  const pieces = calls.map(([segment]) => (segment as { text: string }).text);
  expect(pieces.join("")).toBe(long);
  for (const piece of pieces.slice(0, -1)) expect(piece.endsWith("\n")).toBe(true);
});

test("voice and video stand alone, pictures go by tens, blanks alone are nothing", () => {
  expect(split([text("a"), voice, text("b")])).toEqual([[text("a")], [voice], [text("b")]]);
  expect(split(Array.from({ length: 11 }, () => image)).map((call) => call.length)).toEqual([10, 1]);
  expect(split([text(" \n")])).toEqual([]);
  expect(split([{ type: "quote", id: "7" }])).toEqual([]);
  expect(split([])).toEqual([]);
});

test("texts in a row are one, and one that does not fit beside what is there begins a call of its own", () => {
  const mention: Segment = { type: "mention", id: "5" };
  expect(split([text("a"), { type: "markdown", text: "**b**" }, { type: "location", latitude: 1, longitude: 2 }])).toEqual([
    [text("a**b**1,2")],
  ]);
  expect(split([text("a".repeat(2999)), mention, text("😀😀")])).toEqual([[text("a".repeat(2999)), mention], [text("😀😀")]]);
});

test("no character is torn apart, no call is too long, and all text arrives", () => {
  const unit = fc.constantFrom("a", " ", "\n", "字", "👩‍👩‍👧", "😀", "。");
  fc.assert(
    fc.property(fc.string({ unit, minLength: 2500, maxLength: 7000 }), (written) => {
      const pieces = split([text(written)]).map(([segment]) => (segment as { text: string }).text);
      for (const piece of pieces) {
        expect(piece.length).toBeLessThanOrEqual(3000);
        expect(piece).not.toMatch(/\p{Cs}/u);
      }
      expect(pieces.join("").replace(/\s/g, "")).toBe(written.replace(/\s/g, ""));
    }),
    { numRuns: 30 },
  );
});
