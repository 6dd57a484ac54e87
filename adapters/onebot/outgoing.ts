import type { MediaSegment, Segment } from "clawdbot";
import type { CqSegment } from "./cq-code.ts";

const TYPES = { image: "image", voice: "record", video: "video" } as const;

/** Segments as a peer takes them: https://github.com/botuniverse/onebot-11/blob/master/message/segment.md */
export function outgoing(segments: readonly Segment[]): CqSegment[] {
  return segments.map((segment) => {
    if (segment.type === "quote") return { type: "reply", data: { id: segment.id } };
    if (segment.type === "mention" && segment.all) return { type: "at", data: { qq: "all" } };
    if (segment.type === "mention" && segment.id !== undefined) return { type: "at", data: { qq: segment.id } };
    return mediaOf(segment) ?? { type: "text", data: { text: textOf(segment) } };
  });
}

/**
 * What goes out as picture, voice or video. A file is only ever an address or its content: `file:` would name a path on the peer's machine,
 * and a handle may have come in with a message.
 */
export function mediaOf(segment: Segment): CqSegment | undefined {
  if (segment.type !== "image" && segment.type !== "voice" && segment.type !== "video") return undefined;
  const file = addressOf(segment) ?? (segment.data === undefined ? undefined : `base64://${segment.data}`);
  return file === undefined ? undefined : { type: TYPES[segment.type], data: { file } };
}

/** How a segment reads where the protocol has no form for it; it has none for files. */
export function textOf(segment: Segment): string {
  switch (segment.type) {
    case "text":
    case "markdown":
      return segment.text;
    case "mention":
      return `@${segment.name ?? ""}`;
    case "quote":
      return "";
    case "location":
      return `${segment.title ?? ""} ${segment.latitude},${segment.longitude}`.trim();
    default: {
      const address = addressOf(segment);
      return address ? [segment.name, address].filter(Boolean).join(" ") : `[${segment.name ?? segment.type}]`;
    }
  }
}

function addressOf({ url }: MediaSegment): string | undefined {
  return url !== undefined && /^https?:\/\//i.test(url) ? url : undefined;
}
