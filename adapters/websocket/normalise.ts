import type { ContentType, InboundMessage, Segment } from "clawdbot";
import type { Login } from "./authenticate.ts";
import type { MessageFrame } from "./frames.ts";

/** The message that a client's frame carries. The client's word on administrators is dropped unless its token is trusted. */
export function normalise(frame: MessageFrame, login: Login, now: number): InboundMessage {
  const segments = frame.segments ?? [{ type: "text" as const, text: frame.text ?? "" }];
  const quote = segments.find((segment) => segment.type === "quote");
  const { isAdmin, ...sender } = frame.sender;
  return {
    account: login.client,
    platformId: frame.id,
    conversation: frame.conversation,
    sender: login.trusted && isAdmin !== undefined ? { ...sender, isAdmin } : sender,
    contentType: contentTypeOf(segments),
    text: frame.text ?? writtenText(segments),
    segments,
    mentionsBot: frame.mentionsBot || frame.conversation.type === "direct",
    ...(quote ? { replyTo: quote.id } : {}),
    sentAt: now,
    // The protocol is ours: everything that a frame can say is in the message already.
    raw: null,
  };
}

function writtenText(segments: readonly Segment[]): string {
  return segments
    .map((segment) => (segment.type === "text" || segment.type === "markdown" ? segment.text : ""))
    .join("")
    .trim();
}

function contentTypeOf(segments: readonly Segment[]): ContentType {
  let only: ContentType | undefined;
  for (const { type } of segments) {
    if (type === "mention" || type === "quote") continue;
    const kind = type === "markdown" ? "text" : type;
    if (only !== undefined && only !== kind) return "mixed";
    only = kind;
  }
  return only ?? "text";
}
