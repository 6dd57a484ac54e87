import { type Segment, splitText } from "clawdbot";
import { mediaOf, textOf } from "./outgoing.ts";

/** Characters of one message. QQ takes some 4,500 and peers differ in what they do beyond. */
const MAX_TEXT = 3000;
const MAX_IMAGES = 10;

/**
 * One list for each call that the content needs: texts are cut, voice and video stand alone, the rest stays together. The texts in a row
 * are the text that was given. Pure.
 */
export function split(segments: Segment[]): Segment[][] {
  const calls: Segment[][] = [];
  let open: Segment[] = [];
  let length = 0;
  let images = 0;

  function close(): void {
    if (open.some(isVisible)) calls.push(open);
    open = [];
    length = 0;
    images = 0;
  }

  function write(text: string): void {
    if (text === "") return;
    // Blanks between two mentions are no piece of a text, and yet they are meant.
    const fits = length + text.length <= MAX_TEXT;
    for (const piece of fits ? [text] : splitText(text, { limit: MAX_TEXT, measure: (character) => character.length })) {
      if (length + piece.length > MAX_TEXT) close();
      open.push({ type: "text", text: piece });
      length += piece.length;
    }
  }

  for (const segment of joined(segments)) {
    const media = mediaOf(segment);
    if (media?.type === "image") {
      if (images === MAX_IMAGES) close();
      open.push(segment);
      images++;
    } else if (media) {
      close();
      calls.push([segment]);
    } else if (segment.type === "text") write(segment.text);
    else open.push(segment);
  }
  close();
  return calls;
}

/** What goes out as text is text, and neighbouring texts are one: it is cut as a whole. */
function joined(segments: readonly Segment[]): Segment[] {
  const all: Segment[] = [];
  for (const segment of segments) {
    if (mediaOf(segment) || segment.type === "mention" || segment.type === "quote") {
      all.push(segment);
      continue;
    }
    const last = all.at(-1);
    if (last?.type === "text") all[all.length - 1] = { type: "text", text: last.text + textOf(segment) };
    else all.push({ type: "text", text: textOf(segment) });
  }
  return all;
}

/** Peers refuse a message of nothing but white space. */
function isVisible(segment: Segment): boolean {
  return segment.type === "text" ? segment.text.trim() !== "" : segment.type !== "quote";
}
