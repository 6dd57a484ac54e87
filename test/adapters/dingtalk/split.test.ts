import { expect, test } from "vitest";
import { parseActionCard } from "../../../adapters/dingtalk/action-card.ts";
import { split } from "../../../adapters/dingtalk/split.ts";
import type { Segment } from "../../../src/message.ts";

const texts = (segments: Segment[]) => split(segments).map(([segment]) => (segment as { text: string }).text);
const bytes = (text: string) => Buffer.byteLength(text);

test("what fits is one call, with its mentions", () => {
  const segments: Segment[] = [
    { type: "mention", id: "u1" },
    { type: "text", text: "hi" },
  ];
  expect(split(segments)).toEqual([segments]);
});

test("a mention goes with the text of either kind that follows it", () => {
  const segments: Segment[] = [
    { type: "mention", id: "u1" },
    { type: "markdown", text: "**hi**" },
  ];
  expect(split(segments)).toEqual([segments]);
});

test("text, markdown, images and files are calls of their own; what the platform has no form for is written out", () => {
  const image: Segment = { type: "image", url: "https://a.example/b.png" };
  const file: Segment = { type: "file", data: "aGk=", name: "a.pdf" };
  const segments: Segment[] = [
    { type: "text", text: "a" },
    { type: "markdown", text: "b" },
    image,
    file,
    { type: "video", url: "https://a.example/c.mp4", name: "clip" },
  ];
  expect(split(segments)).toEqual([[segments[0]], [segments[1]], [image], [file], [segments[4]]]);
});

test("long text is cut where a reader would, and put together it is the text that was given", () => {
  const long = Array.from({ length: 300 }, (_, n) => `第${n}段。${"字".repeat(40)}`).join("\n\n");
  const pieces = texts([{ type: "text", text: long }]);
  expect(pieces.join("")).toBe(long);
  expect(pieces.length).toBeGreaterThan(1);
  for (const piece of pieces) expect(bytes(piece)).toBeLessThanOrEqual(7000);
  for (const piece of pieces.slice(0, -1)) expect(piece.endsWith("\n\n")).toBe(true);
});

test("the buttons of a long card stay together, under its last piece", () => {
  const tail = "\n\n---\n[yes](https://example.com/yes)\n[no](https://example.com/no)";
  const pieces = texts([{ type: "markdown", text: `${"para graph\n\n".repeat(1500)}end${tail}` }]);
  expect(pieces.slice(0, -1).map(parseActionCard)).toEqual(pieces.slice(0, -1).map(() => undefined));
  expect(parseActionCard(pieces.at(-1)!)!.buttons.map(({ title }) => title)).toEqual(["yes", "no"]);
});

test("blanks are no call", () => {
  expect(split([{ type: "text", text: " \n" }])).toEqual([]);
  expect(split([])).toEqual([]);
});

test.each([
  ["no rule", "a\n\n[b](https://b.example)"],
  ["text below the buttons", "a\n---\n[b](https://b.example)\nmore"],
  ["a rule alone", "a\n---\n"],
  ["a script", "a\n---\n[b](javascript:alert(1))"],
  ["text beside the link", "a\n---\nsee [b](https://b.example)"],
])("markdown with %s is no card", (_name, markdown) => {
  expect(parseActionCard(markdown)).toBeUndefined();
});
