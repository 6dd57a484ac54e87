import { describe, expect, test } from "vitest";
import { split } from "../../../adapters/wecom/split.ts";
import type { Segment } from "../../../src/message.ts";

const LIMIT = 2048;
const cut = (text: string) => split([{ type: "text", text }]).map(([part]) => (part as { text: string }).text);

describe("the limit of 2,048 bytes", () => {
  const fill = (bytes: number) => "x".repeat(bytes);

  test("exactly at the limit nothing is cut", () => {
    expect(cut(fill(LIMIT))).toHaveLength(1);
    expect(cut(fill(LIMIT + 1))).toEqual([fill(LIMIT), "x"]);
    expect(cut(`${"字".repeat(682)}xx`)).toHaveLength(1);
    expect(cut("字".repeat(1000)).map((piece) => piece.length)).toEqual([682, 318]);
  });

  test("a longer text is cut where a reader would, and nothing of it is lost", () => {
    const text = `${fill(1100)}\n\n${"字".repeat(400)}。${fill(900)}`;
    expect(cut(text)[0]).toHaveLength(1102);
    expect(cut(text).join("")).toBe(text);
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
});
