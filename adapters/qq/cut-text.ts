/** Where text is best cut, best first: whether one may cut after these two characters. */
const BOUNDARIES: ((before: string, last: string) => boolean)[] = [
  (before, last) => before === "\n" && last === "\n",
  (_before, last) => last === "\n",
  (before, last) => "。！？；…".includes(last) || (isSpace(last) && ".!?;".includes(before)),
  (_before, last) => isSpace(last),
];

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * How many characters of text make a first piece of at most `most`: up to a paragraph, line, sentence or word that ends after `share` of
 * that, else all of it.
 */
export function cutLength(text: string, most: number, share: number): number {
  if (text.length <= most) return text.length;
  const length = bestCut(text, most, share);
  // Back to the start of the grapheme that the cut would fall into, unless that is larger than a whole piece.
  return graphemes.segment(text.slice(0, most + 64)).containing(length)?.index || length;
}

function bestCut(text: string, most: number, share: number): number {
  for (const isBoundary of BOUNDARIES) {
    for (let length = most; length > most * share; length--) {
      if (isBoundary(text[length - 2] ?? " ", text[length - 1]!)) return length;
    }
  }
  return most;
}

function isSpace(character: string): boolean {
  return character.trim() === "";
}
