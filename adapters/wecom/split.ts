import { type MediaSegment, type Segment, splitText } from "clawdbot";

/** Bytes of UTF-8 that one text or markdown message may hold; the platform cuts off the rest without a word. */
const MAX_BYTES = 2048;

/** What one call can send. */
export type Part = { type: "text" | "markdown"; text: string } | (MediaSegment & { ref: string });

/**
 * One list for each call that the content needs. The texts in a row, put together, are the text that was given; only pieces of
 * nothing but white space are left out, the platform would refuse them. Pure.
 */
export function split(segments: Segment[]): Segment[][] {
  return joined(segments).flatMap((part): Segment[][] =>
    "ref" in part ? [[part]] : splitText(part.text, { limit: MAX_BYTES, measure: "bytes" }).map((text) => [{ type: part.type, text }]),
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
