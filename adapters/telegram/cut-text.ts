/** Where text is best cut, best first: whether one may cut after these two characters. */
const BOUNDARIES: ((before: string, last: string) => boolean)[] = [
  (before, last) => before === "\n" && last === "\n",
  (_before, last) => last === "\n",
  (before, last) =>
    "。！？；…".includes(last) || ("”’」』）".includes(last) && "。！？…".includes(before)) || (isSpace(last) && ".!?;".includes(before)),
  (_before, last) => isSpace(last),
];

/** A code block with its fences, or without the last one to the end of the text. */
const FENCE = /^(`{3,16}|~{3,16})([^\n`]*)\n[\s\S]*?(?:^\1[ \t]*(?:\n|$(?![\s\S]))|$(?![\s\S]))/gm;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * Cuts text into pieces of at most `max` code points: after a paragraph, line, sentence or word when that leaves no half-empty piece, and
 * outside of code blocks. A code block that is itself too long becomes several, each with its fences; everything else, put together, is
 * the text that was given. Pieces of nothing but white space are left out. Pure.
 */
export function cutText(text: string, max: number): string[] {
  if (text.length <= max) return text.trim() === "" ? [] : [text];
  const pieces: string[] = [];
  let open = "";
  const flush = () => {
    if (open.trim() !== "") pieces.push(open);
    open = "";
  };
  let from = 0;
  for (const fence of text.matchAll(FENCE)) {
    addProse(text.slice(from, fence.index));
    addFence(fence[0], fence[1]!, fence[2]!);
    from = fence.index + fence[0].length;
  }
  addProse(text.slice(from));
  flush();
  return pieces;

  function addProse(prose: string): void {
    let rest = prose;
    while (rest !== "") {
      const room = fitting(rest, max - codePoints(open));
      if (room === rest.length) {
        open += rest;
        return;
      }
      // What stands before it is a code block that may leave no good place: then the prose begins a piece of its own.
      const length = bestCut(rest, room) ?? (open === "" ? wholeGraphemes(rest, room) : 0);
      open += rest.slice(0, length);
      rest = rest.slice(length);
      flush();
    }
  }

  function addFence(block: string, marks: string, info: string): void {
    if (codePoints(open) + codePoints(block) > max) flush();
    if (codePoints(block) <= max) {
      open += block;
      return;
    }
    const head = `${marks}${[...info].slice(0, max / 8).join("")}\n`;
    const tail = `\n${marks}`;
    const code = block.slice(marks.length + info.length + 1).replace(new RegExp(`(^|\\n)${marks}[ \\t]*\\n?$`), "");
    for (const part of cutLines(code, max - codePoints(head) - codePoints(tail) - 1)) {
      open = `${head}${part}${tail}\n`;
      flush();
    }
  }
}

/** Code is cut after lines, or inside one that is too long. */
function cutLines(code: string, max: number): string[] {
  const parts: string[] = [];
  for (let from = 0; from < code.length; ) {
    const rest = code.slice(from);
    const room = fitting(rest, max);
    const line = room === rest.length ? room : rest.lastIndexOf("\n", room - 1) + 1;
    const length = line > 0 ? line : wholeGraphemes(rest, room);
    parts.push(rest.slice(0, length).replace(/\n$/, ""));
    from += length;
  }
  return parts;
}

/** The length, in UTF-16 units, of the best piece of at most `room`; undefined when it would be less than half full. */
function bestCut(text: string, room: number): number | undefined {
  for (const isBoundary of BOUNDARIES) {
    for (let length = room; length > room / 2; length--) {
      if (isBoundary(text[length - 2] ?? " ", text[length - 1]!)) return wholeGraphemes(text, length);
    }
  }
  return undefined;
}

/** Back to the start of the grapheme that a cut would fall into, unless that is larger than the piece. */
function wholeGraphemes(text: string, length: number): number {
  return graphemes.segment(text.slice(0, length + 64)).containing(length)?.index || length;
}

function codePoints(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; count++) at += isPairAt(text, at) ? 2 : 1;
  return count;
}

/** How many UTF-16 units from the start on fit into `max` code points. */
function fitting(text: string, max: number): number {
  let at = 0;
  for (let count = 0; count < max && at < text.length; count++) at += isPairAt(text, at) ? 2 : 1;
  return at;
}

function isPairAt(text: string, at: number): boolean {
  return text.codePointAt(at)! > 0xffff;
}

function isSpace(character: string): boolean {
  return character.trim() === "";
}
