import { type MediaSegment, type Segment, splitText } from "clawdbot";
import { parseActionCard } from "./action-card.ts";

/** Bytes of one message. A robot's msgParam may have 15,000 (20,000 are said of webhooks), and in it a quote or line break counts twice. */
const MAX_BYTES = 7000;

export type SendableMedia = MediaSegment & { type: "image" | "file" };
type Run = { kind: "text" | "markdown"; segments: Segment[] } | { kind: "media"; segments: [SendableMedia] };

/**
 * One list for each call that the content needs: an image or a file, or text of one kind with its mentions. The texts of a long one,
 * put together, are the text that was given; pieces of nothing but white space are left out. Pure.
 */
export function split(segments: Segment[]): Segment[][] {
  return runs(segments).flatMap((run): Segment[][] => {
    if (run.kind === "media") return [run.segments];
    const text = writtenAs(run.segments);
    if (Buffer.byteLength(text) <= MAX_BYTES) return text.trim() === "" ? [] : [run.segments];
    return pieces(text, run.kind).map((piece) => [{ type: run.kind, text: piece }]);
  });
}

/** The segments of one text message as its text: what the platform has no form for is written out. */
export function writtenAs(segments: readonly Segment[]): string {
  return segments.map(textOf).join("");
}

/** Whether the platform has a form for it. Voice needs its duration and video a cover: both are given as addresses instead. */
export function isSendableMedia(segment: Segment): segment is SendableMedia {
  return (segment.type === "image" || segment.type === "file") && Boolean(segment.ref || segment.data || segment.url);
}

function runs(segments: Segment[]): Run[] {
  const found: Run[] = [];
  for (const segment of segments) {
    if (isSendableMedia(segment)) {
      found.push({ kind: "media", segments: [segment] });
      continue;
    }
    const last = found.at(-1);
    const open = last && last.kind !== "media" ? last : undefined;
    const kind = segment.type === "text" || segment.type === "markdown" ? segment.type : (open?.kind ?? "text");
    if (open?.kind === kind) open.segments.push(segment);
    else if (open?.segments.every(({ type }) => type !== "text")) found[found.length - 1] = { kind, segments: [...open.segments, segment] };
    else found.push({ kind, segments: [segment] });
  }
  return found;
}

function textOf(segment: Segment): string {
  switch (segment.type) {
    case "text":
    case "markdown":
      return segment.text;
    // Shown as a mention only where the very id that is mentioned stands in the text.
    case "mention":
      return segment.all ? "@all " : `@${segment.id ?? segment.name ?? ""} `;
    case "location":
      return `${segment.title ?? ""} ${segment.latitude},${segment.longitude}`.trim();
    case "quote":
      return "";
    default:
      return segment.url ? `${segment.name ? `${segment.name} ` : ""}${segment.url}` : `[${segment.name ?? segment.type}]`;
  }
}

/** The buttons of an action card stay together, on the last piece. */
function pieces(text: string, kind: "text" | "markdown"): string[] {
  const card = kind === "markdown" ? parseActionCard(text) : undefined;
  const tail = card ? text.slice(card.text.length) : "";
  if (!card || Buffer.byteLength(tail) > MAX_BYTES / 2) return cut(text);
  const found = cut(card.text);
  found.push(`${found.pop() ?? ""}${tail}`);
  return found;
}

function cut(text: string): string[] {
  return splitText(text, { limit: MAX_BYTES, measure: "bytes" });
}
