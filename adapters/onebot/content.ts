import type { ContentType, Segment } from "clawdbot";
import { type CqSegment, parseCqCode } from "./cq-code.ts";
import { type Fields, isObject } from "./frames.ts";
import { idOf } from "./ids.ts";

const MAX_URL = 4096;

/** What a message says, in our words. */
export interface Content {
  contentType: ContentType;
  /** Without the mention of the bot. */
  text: string;
  segments: Segment[];
  /** Whether the bot is named with an @. */
  mentioned: boolean;
  replyTo: string | undefined;
}

/** A message's pieces, in either form that the protocol has: a string with codes, or a list. What is no segment is left out. */
export function segmentsOf(message: unknown): CqSegment[] {
  if (typeof message === "string") return parseCqCode(message);
  const list = Array.isArray(message) ? message : [message];
  return list.flatMap((piece) => (isObject(piece) && typeof piece.type === "string" ? [{ type: piece.type, data: dataOf(piece) }] : []));
}

/** Reads the segments that have a counterpart here; the others stay in raw. https://github.com/botuniverse/onebot-11/blob/master/message/segment.md */
export function readContent(pieces: readonly CqSegment[], self: string): Content {
  const segments = pieces.flatMap((piece) => segmentOf(piece) ?? []);
  const quote = segments.find((segment) => segment.type === "quote");
  return {
    contentType: contentTypeOf(segments),
    text: segments
      .map((segment) => writtenText(segment, self))
      .join("")
      .trim(),
    segments,
    mentioned: segments.some((segment) => segment.type === "mention" && segment.id === self),
    replyTo: quote?.id,
  };
}

function segmentOf({ type, data }: CqSegment): Segment | undefined {
  switch (type) {
    case "text":
      return typeof data.text === "string" && data.text !== "" ? { type: "text", text: data.text } : undefined;
    case "at":
      return mention(data);
    case "reply": {
      const id = idOf(data.id);
      return id === undefined ? undefined : { type: "quote", id };
    }
    case "image":
      return media("image", data);
    case "record":
      return media("voice", data);
    case "video":
      return media("video", data);
    case "file":
      return media("file", data);
    case "location":
      return location(data);
    case "share":
      return { type: "text", text: [textIn(data, "title"), textIn(data, "url")].filter(Boolean).join(" ") };
    case "markdown":
      return { type: "markdown", text: textIn(data, "content") };
    default:
      return undefined;
  }
}

function mention(data: Fields): Segment | undefined {
  if (data.qq === "all") return { type: "mention", all: true };
  const id = idOf(data.qq);
  const name = textIn(data, "name").replace(/^@/, "");
  return id === undefined ? undefined : { type: "mention", id, ...(name && { name }) };
}

/** `file` is the peer's own name for it: nothing that anybody here may open. */
function media(type: "image" | "voice" | "video" | "file", data: Fields): Segment {
  const url = textIn(data, "url");
  const ref = textIn(data, "file_id") || textIn(data, "file");
  const name = textIn(data, "name") || (type === "file" ? textIn(data, "file") : "");
  const size = numberIn(data, "file_size");
  return {
    type,
    ...(/^https?:\/\//i.test(url) && url.length <= MAX_URL && { url }),
    ...(ref && { ref }),
    ...(name && { name }),
    ...(Number.isSafeInteger(size) && size >= 0 && { size }),
  };
}

function location(data: Fields): Segment | undefined {
  const [latitude, longitude] = [numberIn(data, "lat"), numberIn(data, "lon")];
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return undefined;
  const title = textIn(data, "title");
  return { type: "location", latitude, longitude, ...(title && { title }) };
}

function textIn(data: Fields, key: string): string {
  const value = data[key];
  return typeof value === "string" ? value : "";
}

/** In the string form numbers are strings too. */
function numberIn(data: Fields, key: string): number {
  const value = data[key];
  return typeof value === "number" || (typeof value === "string" && value !== "") ? Number(value) : Number.NaN;
}

function dataOf(piece: Fields): Fields {
  return isObject(piece.data) ? piece.data : {};
}

function writtenText(segment: Segment, self: string): string {
  if (segment.type === "text" || segment.type === "markdown") return segment.text;
  if (segment.type !== "mention" || segment.id === self) return "";
  return segment.all ? "@all" : `@${segment.name ?? segment.id}`;
}

function contentTypeOf(segments: readonly Segment[]): ContentType {
  const kinds = new Set<ContentType>();
  for (const segment of segments) {
    if (segment.type === "mention" || segment.type === "quote") continue;
    // Blanks around a mention do not make a picture a mixed message.
    if (segment.type !== "text") kinds.add(segment.type === "markdown" ? "text" : segment.type);
    else if (segment.text.trim() !== "") kinds.add("text");
  }
  const [only = "text", other] = kinds;
  return other ? "mixed" : only;
}
