import type { Segment } from "clawdbot";
import { cutLength } from "./cut-text.ts";
import { fileOf, textOf } from "./outgoing.ts";

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
  let room = MAX_TEXT;
  let images = 0;

  function close(): void {
    if (open.some(isVisible)) calls.push(open);
    open = [];
    room = MAX_TEXT;
    images = 0;
  }

  function write(text: string): void {
    for (let rest = text; rest !== ""; ) {
      const length = cutLength(rest, room);
      const last = open.at(-1);
      const piece = rest.slice(0, length);
      if (last?.type === "text") open[open.length - 1] = { type: "text", text: last.text + piece };
      else open.push({ type: "text", text: piece });
      room -= length;
      rest = rest.slice(length);
      if (rest !== "" || room <= 0) close();
    }
  }

  for (const segment of segments) {
    if (segment.type === "mention" || segment.type === "quote") open.push(segment);
    else if (fileOf(segment) === undefined) write(textOf(segment));
    else if (segment.type === "image") {
      if (images === MAX_IMAGES) close();
      open.push(segment);
      images++;
    } else {
      close();
      calls.push([segment]);
    }
  }
  close();
  return calls;
}

/** Peers refuse a message of nothing but white space. */
function isVisible(segment: Segment): boolean {
  return segment.type === "text" ? segment.text.trim() !== "" : segment.type !== "quote";
}
