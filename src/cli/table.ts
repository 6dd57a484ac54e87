const WIDE = /\p{Emoji_Presentation}|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what an ANSI sequence begins with
const ANSI = /\u001b\[[\d;]*m/g;

/** How many columns a terminal needs for the text: Chinese characters take two. */
export function columns(text: string): number {
  let width = 0;
  for (const character of text.replace(ANSI, "")) if (!/\p{Mark}/u.test(character)) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** Rows under a head, aligned with two spaces between columns and none at the end of a line. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, index) => Math.max(columns(title), ...rows.map((row) => columns(row[index] ?? ""))));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, index) => cell + " ".repeat(widths[index]! - columns(cell)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
