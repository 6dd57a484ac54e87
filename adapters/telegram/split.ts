import { type MediaSegment, type Segment, splitText } from "clawdbot";

/** Unicode code points of a text and of a caption: https://core.telegram.org/bots/api#sendmessage, #sendphoto */
export const MAX_TEXT = 4096;
const MAX_CAPTION = 1024;

/** Telegram fetches files by address only if they are of these kinds: https://core.telegram.org/bots/api#sending-files */
const FETCHED = /\.(pdf|zip|gif)$/i;

type Written = { type: "text" | "markdown"; text: string };
type Quote = { type: "quote"; id: string };

/**
 * One list for each call that the content needs: a text, or media with its caption, a quote before the first. Texts in a row, put
 * together, are the text that was given, except around a code block too long for one message. Pure.
 */
export function split(segments: Segment[]): Segment[][] {
  const calls: Segment[][] = [];
  let quote: Quote | undefined;
  for (const part of joined(segments)) {
    if (part.type === "quote") {
      quote ??= part;
    } else if (part.type === "text" || part.type === "markdown") {
      const last = calls.at(-1);
      if (last && isUncaptioned(last) && fitsCaption(part.text)) last.push(part);
      else calls.push(...cut(part.text).map((text): Segment[] => [{ type: part.type, text }]));
    } else {
      calls.push([part]);
    }
  }
  if (quote && calls[0]) calls[0].unshift(quote);
  return calls;
}

function cut(text: string): string[] {
  return splitText(text, { limit: MAX_TEXT, measure: "codePoints", fences: true });
}

export function isMedia(segment: Segment): segment is MediaSegment {
  return segment.type === "image" || segment.type === "voice" || segment.type === "video" || segment.type === "file";
}

function isUncaptioned(call: Segment[]): boolean {
  return call.length === 1 && isMedia(call[0]!);
}

function fitsCaption(text: string): boolean {
  return text.trim() !== "" && text.length <= 2 * MAX_CAPTION && [...text].length <= MAX_CAPTION;
}

/** Neighbouring texts of one kind as one; what cannot be sent as it is becomes text. */
function joined(segments: Segment[]): (Written | MediaSegment | Quote | (Segment & { type: "location" }))[] {
  const parts: ReturnType<typeof joined> = [];
  for (const segment of segments) {
    if (segment.type === "quote" || segment.type === "location" || (isMedia(segment) && canBeSent(segment))) {
      parts.push(segment);
      continue;
    }
    const text = textOf(segment);
    const last = parts.at(-1);
    const open = last?.type === "text" || last?.type === "markdown" ? last : undefined;
    const type = segment.type === "text" || segment.type === "markdown" ? segment.type : (open?.type ?? "text");
    if (open?.type === type) open.text += text;
    else parts.push({ type, text });
  }
  return parts;
}

function canBeSent({ type, ref, data, url }: MediaSegment): boolean {
  if (ref || data) return true;
  const address = url === undefined ? null : URL.parse(url);
  return address !== null && /^https?:$/.test(address.protocol) && (type !== "file" || FETCHED.test(address.pathname));
}

function textOf(segment: Segment): string {
  switch (segment.type) {
    case "text":
    case "markdown":
      return segment.text;
    case "mention":
      return `@${segment.all ? "all" : (segment.name ?? segment.id ?? "")}`;
    case "quote":
    case "location":
      return "";
    default:
      return segment.url ? `${segment.name ? `${segment.name} ` : ""}${segment.url}` : `[${segment.name ?? segment.type}]`;
  }
}
