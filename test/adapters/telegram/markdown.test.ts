import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatMarkdown } from "../../../adapters/telegram/markdown.ts";

/** Entities as [type, what they cover]. */
function formatted(source: string): { text: string; entities: [string, string, ...string[]][] } {
  const { text, entities } = formatMarkdown(source);
  return {
    text,
    entities: entities.map(({ type, offset, length, url, language }) => [
      type,
      text.slice(offset, offset + length),
      ...[url ?? language ?? []].flat(),
    ]),
  };
}

describe("Markdown becomes entities", () => {
  test.each<[string, string, [string, string, ...string[]][]]>([
    [
      "**bold** and __too__",
      "bold and too",
      [
        ["bold", "bold"],
        ["bold", "too"],
      ],
    ],
    [
      "*it* and _it_",
      "it and it",
      [
        ["italic", "it"],
        ["italic", "it"],
      ],
    ],
    ["~~gone~~", "gone", [["strikethrough", "gone"]]],
    ["use `a*b*c` here", "use a*b*c here", [["code", "a*b*c"]]],
    ["``a`b``", "a`b", [["code", "a`b"]]],
    [
      "**a _b_ c**",
      "a b c",
      [
        ["bold", "a b c"],
        ["italic", "b"],
      ],
    ],
    [
      "[**x** y](https://e.example/?a=1)",
      "x y",
      [
        ["text_link", "x y", "https://e.example/?a=1"],
        ["bold", "x"],
      ],
    ],
    ["# Title\ntext", "Title\ntext", [["bold", "Title"]]],
    ["> said\nso", "said\nso", [["blockquote", "said"]]],
    ["- one\n  * two\n+ three", "• one\n  • two\n• three", []],
    ["👍🏽 **b**", "👍🏽 b", [["bold", "b"]]],
    ["a\n```ts\nlet x = `1`;\n```\nb", "a\nlet x = `1`;\nb", [["pre", "let x = `1`;", "ts"]]],
    ["```\nnever closed **b**", "never closed **b**", [["pre", "never closed **b**"]]],
    ["\\*not\\* it", "*not* it", []],
  ])("%j", (source, text, entities) => {
    expect(formatted(source)).toEqual({ text, entities });
  });

  test.each([
    "snake_case_name",
    "2 * 3 * 4",
    "a ** b",
    "**",
    "`",
    "[x](javascript:alert(1))",
    "[x] (y)",
    "5_000_000",
    "<b>&amp;",
    "_",
    "> ",
    "#hash",
    "```\n```",
  ])("%j has nothing to format", (source) => {
    expect(formatMarkdown(source).entities).toEqual([]);
  });
});

test("whatever comes in: entities lie within the text, none is empty, the text is not longer, and it does not take long", () => {
  const part = fc.constantFrom(
    "*",
    "**",
    "_",
    "__",
    "~~",
    "`",
    "```",
    "\n",
    "[",
    "](",
    "https://x",
    ")",
    "\\",
    "> ",
    "# ",
    "- ",
    "a",
    " ",
    "👍",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 120 }), (parts) => {
      const source = parts.join("");
      const { text, entities } = formatMarkdown(source);
      expect(text.length).toBeLessThanOrEqual(source.length);
      for (const { offset, length } of entities) {
        expect(length).toBeGreaterThan(0);
        expect(offset + length).toBeLessThanOrEqual(text.length);
      }
    }),
    { numRuns: 500 },
  );
  for (const hostile of ["*", "**", "_", "`", "[", "[a](", "**a", "``", "\\"]) {
    const started = performance.now();
    formatMarkdown(hostile.repeat(4096 / hostile.length));
    expect([hostile, performance.now() - started < 1000]).toEqual([hostile, true]);
  }
});
