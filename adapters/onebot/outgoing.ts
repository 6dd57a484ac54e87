import type { MediaSegment, Segment } from "clawdbot";
import type { CqSegment } from "./cq-code.ts";

const TYPES = { image: "image", voice: "record", video: "video" } as const;

/**
 * Segments as a peer takes them: https://github.com/botuniverse/onebot-11/blob/master/message/segment.md. A file is only ever an address or
 * its content: `file:` would name a path on the peer's machine, and a handle may have come in with a message.
 */
export function outgoing(segments: readonly Segment[]): CqSegment[] {
  return segments.map((segment): CqSegment => {
    switch (segment.type) {
      case "quote":
        return { type: "reply", data: { id: segment.id } };
      case "mention":
        if (segment.all) return { type: "at", data: { qq: "all" } };
        return segment.id === undefined ? text(`@${segment.name ?? ""}`) : { type: "at", data: { qq: segment.id } };
      default:
        return fileOf(segment) === undefined
          ? text(textOf(segment))
          : { type: TYPES[(segment as Sendable).type], data: { file: fileOf(segment) } };
    }
  });
}

type Sendable = MediaSegment & { type: keyof typeof TYPES };

/** What a peer gets in place of a path; undefined for all that goes out as text. The protocol has no segment for files. */
export function fileOf(segment: Segment): string | undefined {
  if (!isMedia(segment) || segment.type === "file") return undefined;
  if (segment.url !== undefined && /^https?:\/\//i.test(segment.url)) return segment.url;
  return segment.data === undefined ? undefined : `base64://${segment.data}`;
}

/** How a segment reads where the protocol has no form for it. */
export function textOf(segment: Segment): string {
  switch (segment.type) {
    case "text":
    case "markdown":
      return segment.text;
    case "location":
      return `${segment.title ?? ""} ${segment.latitude},${segment.longitude}`.trim();
    case "mention":
    case "quote":
      return "";
    default: {
      const address = segment.url !== undefined && /^https?:\/\//i.test(segment.url) ? segment.url : undefined;
      return address ? [segment.name, address].filter(Boolean).join(" ") : `[${segment.name ?? segment.type}]`;
    }
  }
}

function isMedia(segment: Segment): segment is MediaSegment {
  return segment.type === "image" || segment.type === "voice" || segment.type === "video" || segment.type === "file";
}

function text(written: string): CqSegment {
  return { type: "text", data: { text: written } };
}
