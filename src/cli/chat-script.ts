/** One exchange of a chat script: what is said, and the lines that must come back; none = only that the bot takes it. */
export interface Exchange {
  say: string;
  expect: string[];
}

/**
 * Reads a script: `> said`, `< expected`, # for comments. Bare lines are said, except where nothing says what to expect: in a
 * script with > marks alone they are expected, and without any marks the lines take turns.
 */
export function parseScript(text: string): Exchange[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const said = lines.some((line) => markOf(line) === ">");
  const expected = lines.some((line) => markOf(line) === "<");
  const exchanges: Exchange[] = [];
  for (const [index, line] of lines.entries()) {
    const mark = markOf(line);
    const content = mark ? line.slice(1).trim() : line;
    const isSaid = mark ? mark === ">" : expected || (!said && index % 2 === 0);
    const last = exchanges.at(-1);
    if (isSaid || !last) exchanges.push({ say: content, expect: [] });
    else last.expect.push(content);
  }
  return exchanges;
}

function markOf(line: string): ">" | "<" | undefined {
  const mark = /^([<>])(?:\s|$)/.exec(line)?.[1];
  return mark as ">" | "<" | undefined;
}
