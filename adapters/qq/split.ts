import { type Conversation, type MediaSegment, pieceLength, type Segment } from "clawdbot";
import type { QqConfig } from "./config.ts";
import { targetOf } from "./target.ts";

/** Characters of one message. The limit is not documented; the platform's own plug-ins cut at 5,000, and tags and escapes add some. */
const MAX_CHARACTERS = 4500;
const MENTION_CHARACTERS = 64;
/** How full a piece must be before it may end at a good place; the second where each call counts. */
const HALF_FULL = 0.5;
const NEARLY_FULL = 0.95;

export const isMedia = (segment: Segment): segment is MediaSegment =>
  segment.type === "image" || segment.type === "file" || segment.type === "voice" || segment.type === "video";

/**
 * One list for each call that the content needs: one medium, or text of one kind with what stands between it. The texts in a row, put
 * together, are the text that was given; only pieces of nothing but white space are left out. Pure.
 */
export function split(segments: Segment[]): Segment[][] {
  return pieces(segments, HALF_FULL);
}

function pieces(segments: Segment[], share: number): Segment[][] {
  const parts: Segment[][] = [];
  let open: { kind: "text" | "markdown" | undefined; left: number; segments: Segment[] } | undefined;

  function add(segment: Segment, size: number, kind?: "text" | "markdown"): void {
    if (!open || size > open.left || (kind && open.kind && kind !== open.kind)) {
      open = { kind, left: MAX_CHARACTERS, segments: [] };
      parts.push(open.segments);
    }
    open.kind ??= kind;
    open.left -= size;
    open.segments.push(segment);
  }

  for (const segment of segments) {
    if (isMedia(segment)) {
      parts.push([segment]);
      open = undefined;
    } else if (segment.type === "text" || segment.type === "markdown") {
      for (let rest = segment.text; rest !== ""; ) {
        const room =
          open && (!open.kind || open.kind === segment.type) && open.left > MAX_CHARACTERS * (1 - share) ? open.left : MAX_CHARACTERS;
        const length = pieceLength(rest, { limit: room, measure: (character) => character.length, fill: share });
        add({ type: segment.type, text: rest.slice(0, length) }, length, segment.type);
        rest = rest.slice(length);
      }
    } else {
      add(segment, segment.type === "quote" ? 0 : MENTION_CHARACTERS);
    }
  }
  return parts.filter((part) => part.some(isShown));
}

function isShown(segment: Segment): boolean {
  return segment.type === "text" || segment.type === "markdown" ? segment.text.trim() !== "" : segment.type !== "quote";
}

/**
 * Brings what a skill said into as many calls as the platform takes replies to one message, as far as it fits: first what was said on the
 * way, and only if that is not enough the final text too.
 */
export function merge(contents: Segment[][], conversation: Conversation, windows: QqConfig["reply_windows"]): Segment[][] {
  const { replies } = windows[targetOf(conversation).scene];
  if (calls(contents) <= replies) return contents;
  const onTheWay = joined(contents.slice(0, -1));
  const two = [onTheWay, contents.at(-1)!].filter((content) => content.length > 0);
  if (calls(two) <= replies) return two;
  const one = joined(contents);
  return calls([one]) <= replies ? [one] : pieces(one, NEARLY_FULL);
}

function calls(contents: Segment[][]): number {
  return contents.reduce((sum, content) => sum + split(content).length, 0);
}

/** Texts stay paragraphs of their own. */
function joined(contents: Segment[][]): Segment[] {
  return contents.flatMap((content, index) => {
    const before = contents[index - 1]?.at(-1);
    const between = before && !isMedia(before) && content[0] && !isMedia(content[0]);
    return between ? [{ type: before.type === "markdown" ? "markdown" : "text", text: "\n\n" } as const, ...content] : content;
  });
}
