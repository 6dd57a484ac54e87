export interface SplitOptions {
  /** What one piece may measure at most. Only a single character that is larger makes a larger piece. */
  limit: number;
  /** What the platform counts. A function is given one code point at a time, so that a text measures the sum of its code points. */
  measure: "bytes" | "codePoints" | ((character: string) => number);
  /** The share of a piece that must be full before it may end at a good place. Default 0.5. */
  fill?: number;
  /** For Markdown: code blocks stay whole or, if too long, become several, each with its fences. Default false. */
  fences?: boolean;
}

type Size = (codePoint: number) => number;

interface Rule {
  limit: number;
  fill: number;
  sizeOf: Size;
}

/** Code with its fences, or without the last one to the end of the text. */
const FENCED = /^(`{3,16}|~{3,16})([^\n`]*)\n[\s\S]*?(?:^\1[ \t]*(?:\n|$(?![\s\S]))|$(?![\s\S]))/gm;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

const WORTH = { word: 1, sentence: 2, line: 3, paragraph: 4 } as const;

const SIZES: Record<"bytes" | "codePoints", Size> = {
  bytes: (code) => (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4),
  codePoints: () => 1,
};

/**
 * Cuts text into pieces within a platform's limit: after a paragraph, else a line, a sentence, a word, else between two graphemes, and
 * inside a grapheme only when it is larger than a whole piece. Put together, the pieces are the text that was given, but that pieces of
 * nothing but white space are left out (platforms refuse them) and that the fences of code blocks too long for a piece are repeated.
 * Takes time in proportion to the text's length. Pure.
 */
export function splitText(text: string, options: SplitOptions): string[] {
  const rule = ruleOf(options);
  const pieces = options.fences && fittingEnd(text, 0, rule) < text.length ? fencedPieces(text, rule) : plainPieces(text, rule);
  return pieces.filter((piece) => piece.trim() !== "");
}

/**
 * How many UTF-16 units of text splitText() would make its first piece, at least one code point of it: for who puts pieces of changing
 * size together with something else. Knows nothing of fences.
 */
export function pieceLength(text: string, options: Omit<SplitOptions, "fences">): number {
  return pieceEnd(text, 0, ruleOf(options));
}

function ruleOf({ limit, measure, fill = 0.5 }: SplitOptions): Rule {
  return { limit, fill, sizeOf: typeof measure === "string" ? SIZES[measure] : (code) => measure(String.fromCodePoint(code)) };
}

function plainPieces(text: string, rule: Rule): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length; ) {
    const to = pieceEnd(text, from, rule);
    pieces.push(text.slice(from, to));
    from = to;
  }
  return pieces;
}

function fencedPieces(text: string, rule: Rule): string[] {
  const { limit, fill, sizeOf } = rule;
  const pieces: string[] = [];
  let open = "";
  let room = limit;

  function take(part: string): void {
    open += part;
    room -= sizeIn(part, sizeOf);
  }

  function close(): void {
    if (open !== "") pieces.push(open);
    open = "";
    room = limit;
  }

  function addProse(prose: string): void {
    for (let from = 0; from < prose.length; ) {
      const to = open === "" ? pieceEnd(prose, from, rule) : endBehindCode(prose, from);
      take(prose.slice(from, to));
      if (to < prose.length) close();
      from = to;
    }
  }

  /** A code block may leave no good place to cut: then the prose begins a piece of its own. */
  function endBehindCode(prose: string, from: number): number {
    const most = fittingEnd(prose, from, { limit: room, sizeOf });
    return most === prose.length ? most : (goodEnd(prose, from, most, fill) ?? from);
  }

  function addCode(block: string, marks: string, info: string): void {
    const size = sizeIn(block, sizeOf);
    if (size > room) close();
    if (size <= room) {
      take(block);
      return;
    }
    const head = `${marks}${info.slice(0, fittingEnd(info, 0, { limit: limit / 8, sizeOf }))}\n`;
    const tail = `\n${marks}\n`;
    const codeRoom = limit - sizeIn(head + tail, sizeOf);
    const code = block.slice(marks.length + info.length + 1).replace(new RegExp(`(^|\\n)${marks}[ \\t]*\\n?$`), "");
    if (codeRoom < limit / 2) addProse(block);
    else for (const lines of codePieces(code, { limit: codeRoom, sizeOf })) pieces.push(head + lines + tail);
  }

  let from = 0;
  for (const fenced of text.matchAll(FENCED)) {
    addProse(text.slice(from, fenced.index));
    addCode(fenced[0], fenced[1]!, fenced[2]!);
    from = fenced.index + fenced[0].length;
  }
  addProse(text.slice(from));
  close();
  return pieces;
}

/** Code is cut after lines, or inside one that is too long. */
function codePieces(code: string, rule: Pick<Rule, "limit" | "sizeOf">): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < code.length; ) {
    const most = fittingEnd(code, from, rule);
    const line = most === code.length ? most : from + code.slice(from, most).lastIndexOf("\n") + 1;
    const to = line > from ? line : wholeGraphemes(code, from, most);
    pieces.push(code.slice(from, to).replace(/\n$/, ""));
    from = to;
  }
  return pieces;
}

function pieceEnd(text: string, from: number, rule: Rule): number {
  const most = fittingEnd(text, from, rule);
  if (most === text.length) return most;
  if (most === from) return from + unitsOf(text.codePointAt(from)!);
  return goodEnd(text, from, most, rule.fill) ?? wholeGraphemes(text, from, most);
}

/** As far as fits, with whole code points. */
function fittingEnd(text: string, from: number, { limit, sizeOf }: Pick<Rule, "limit" | "sizeOf">): number {
  let size = 0;
  let end = from;
  while (end < text.length) {
    const code = text.codePointAt(end)!;
    size += sizeOf(code);
    if (size > limit) break;
    end += unitsOf(code);
  }
  return end;
}

/** The last of the best places to cut that leave the piece full enough. */
function goodEnd(text: string, from: number, most: number, fill: number): number | undefined {
  const least = from + (most - from) * fill;
  let best: number | undefined;
  let worth = 0;
  for (let end = most; end > least && worth < WORTH.paragraph; end--) {
    const here = worthOf(text[end - 2] ?? " ", text[end - 1]!);
    if (here <= worth) continue;
    best = end;
    worth = here;
  }
  return best === undefined ? undefined : wholeGraphemes(text, from, best);
}

/** What a cut after these two characters is worth. */
function worthOf(before: string, last: string): number {
  if (last === "\n") return before === "\n" ? WORTH.paragraph : WORTH.line;
  if ("。！？；…".includes(last) || ("”’」』）".includes(last) && "。！？…".includes(before))) return WORTH.sentence;
  if (last.trim() !== "") return 0;
  return ".!?;".includes(before) ? WORTH.sentence : WORTH.word;
}

/** Back to the start of the grapheme that the cut would fall into, unless that is larger than the piece. */
function wholeGraphemes(text: string, from: number, end: number): number {
  const start = graphemes.segment(text.slice(from, end + 2)).containing(end - from)?.index;
  return start ? from + start : end;
}

function sizeIn(text: string, sizeOf: Size): number {
  let size = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.codePointAt(at)!;
    size += sizeOf(code);
    at += unitsOf(code);
  }
  return size;
}

function unitsOf(codePoint: number): number {
  return codePoint > 0xffff ? 2 : 1;
}
