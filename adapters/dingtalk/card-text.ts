const OWN_LINE = /^\s*([#>|]|[-*+]\s|\d+[.)]\s|```|$)/;

/** Text as an AI card shows it: there a single line break is none, unless it is written as <br>. Code, lists, tables and headings keep theirs. */
export function cardText(text: string): string {
  let inCode = false;
  const lines = text.split("\n");
  return lines
    .map((line, index) => {
      const fence = line.trimStart().startsWith("```");
      if (fence) inCode = !inCode;
      const next = lines[index + 1];
      if (next === undefined) return line;
      const plain = !inCode && !fence && !OWN_LINE.test(line) && !OWN_LINE.test(next);
      return `${line}${plain ? "<br>" : "\n"}`;
    })
    .join("");
}
