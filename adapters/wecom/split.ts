import type { MediaSegment, Segment } from "clawdbot";

/** Bytes of UTF-8 that one text or markdown message may hold; the platform cuts off the rest without a word. */
const MAX_BYTES = 2048;

/** What one call can send. */
export type Part = { type: "text" | "markdown"; text: string } | (MediaSegment & { ref: string });

/** Where text is best cut, best first: whether one may cut after these two characters. */
const BOUNDARIES: ((before: string, last: string) => boolean)[] = [
  (before, last) => before === "\n" && last === "\n",
  (_before, last) => last === "\n",
  (before, last) =>
    "。！？；…".includes(last) || ("”’」』）".includes(last) && "。！？…".includes(before)) || (isSpace(last) && ".!?;".includes(before)),
  (_before, last) => isSpace(last),
];

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * One list for each call that the content needs. The texts in a row, put together, are the text that was given; only pieces of
 * nothing but white space are left out, the platform would refuse them. Pure.
 */
export function split(segments: Segment[]): Segment[][] {
  return joined(segments).flatMap((part): Segment[][] =>
    "ref" in part ? [[part]] : pieces(part.text).map((text) => [{ type: part.type, text }]),
  );
}

/** Neighbouring segments of one kind as one; what the platform has no form for becomes text. */
function joined(segments: Segment[]): Part[] {
  const parts: Part[] = [];
  for (const segment of segments) {
    if ("ref" in segment && segment.ref) {
      parts.push({ ...segment, ref: segment.ref });
      continue;
    }
    const text = textOf(segment);
    const last = parts.at(-1);
    const open = last && !("ref" in last) ? last : undefined;
    const type = segment.type === "text" || segment.type === "markdown" ? segment.type : (open?.type ?? "text");
    if (open?.type === type) open.text += text;
    else parts.push({ type, text });
  }
  return parts;
}

function textOf(segment: Segment): string {
  switch (segment.type) {
    case "text":
    case "markdown":
      return segment.text;
    case "mention":
      return `@${segment.all ? "all" : (segment.name ?? segment.id ?? "")}`;
    case "location":
      return `${segment.title ?? ""} ${segment.latitude},${segment.longitude}`.trim();
    case "quote":
      return "";
    default:
      return segment.url ? `${segment.name ? `${segment.name} ` : ""}${segment.url}` : `[${segment.name ?? segment.type}]`;
  }
}

/** Cuts text into pieces that fit into a call: after a paragraph, line, sentence or word when that leaves no half-empty piece. */
function pieces(text: string): string[] {
  const found: string[] = [];
  for (let from = 0; from < text.length; ) {
    const to = from + pieceLength(text, from);
    const piece = text.slice(from, to);
    if (piece.trim() !== "") found.push(piece);
    from = to;
  }
  return found;
}

function pieceLength(text: string, from: number): number {
  const most = longestFit(text, from);
  if (from + most === text.length) return most;
  const length = bestCut(text, from, most);
  // Back to the start of the grapheme that the cut would fall into, unless that is larger than a whole piece.
  const around = text.slice(from, from + most + 64);
  return graphemes.segment(around).containing(length)?.index || length;
}

function bestCut(text: string, from: number, most: number): number {
  for (const isBoundary of BOUNDARIES) {
    for (let length = most; length > most / 2; length--) {
      if (isBoundary(text[from + length - 2] ?? " ", text[from + length - 1]!)) return length;
    }
  }
  return most;
}

function isSpace(character: string): boolean {
  return character.trim() === "";
}

/** How many UTF-16 units from `from` on fit into MAX_BYTES without half a code point. */
function longestFit(text: string, from: number): number {
  let bytes = 0;
  let at = from;
  while (at < text.length) {
    const code = text.codePointAt(at)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > MAX_BYTES) break;
    at += code < 0x10000 ? 1 : 2;
  }
  return at - from;
}
