import { type ContentType, type InboundMessage, type Segment, VerifyError } from "clawdbot";

type Fields = Record<string, unknown>;

/** A robot message in the one form of the project, and the bearer address at which it may be answered. */
export interface RobotMessage {
  message: InboundMessage;
  session: { webhook: string; expiresAt: number } | undefined;
}

/**
 * Reads the body of a callback, or the data of a Stream frame: the same JSON. Throws VerifyError when it is no robot message.
 * A direct chat is known by its user, so that it can be written to unasked; people outside the organisation have no user id and are
 * known by their encrypted id. The session's address stays out of `raw`: whoever has it can write to the chat.
 * https://open.dingtalk.com/document/development/robot-message-type
 */
export function normalise(data: unknown, account: string): RobotMessage {
  const body = fields(data);
  const isGroup = required(body, "conversationType") === "2";
  const senderId = optional(body, "senderStaffId") || required(body, "senderId");
  const senderName = optional(body, "senderNick");
  const title = optional(body, "conversationTitle");
  const { contentType, text, segments } = contentOf(body);
  const replyTo = optional(body, "originalMsgId") || optional(fields(fields(body.text).repliedMsg), "msgId");
  const { sessionWebhook, sessionWebhookExpiredTime, ...raw } = body;
  return {
    message: {
      account,
      platformId: required(body, "msgId"),
      conversation: isGroup
        ? { id: required(body, "conversationId"), type: "group", ...(title && { title }) }
        : { id: senderId, type: "direct" },
      sender: { id: senderId, ...(senderName && { name: senderName }), isAdmin: body.isAdmin === true },
      contentType,
      text,
      segments: [...(replyTo ? [{ type: "quote" as const, id: replyTo }] : []), ...mentions(body), ...segments],
      mentionsBot: !isGroup || body.isInAtList !== false,
      ...(replyTo && { replyTo }),
      sentAt: time(body.createAt),
      raw,
    },
    session: typeof sessionWebhook === "string" ? { webhook: sessionWebhook, expiresAt: Number(sessionWebhookExpiredTime) } : undefined,
  };
}

/** Whether the id is the encrypted one of somebody who is no user of the organisation: nothing can be sent to it. */
export function isExternal(id: string): boolean {
  return id.startsWith("$:");
}

interface Content {
  contentType: ContentType;
  text: string;
  segments: Segment[];
}

function contentOf(body: Fields): Content {
  const content = fields(body.content);
  switch (required(body, "msgtype")) {
    case "text":
      return written(optional(fields(body.text), "content"));
    case "picture":
      return media("image", content);
    case "audio": {
      const voice = media("voice", content);
      return { ...voice, text: optional(content, "recognition") };
    }
    case "video":
      return media("video", content);
    case "file":
      return media("file", content);
    case "richText":
      return richText(content.richText);
    // What the platform does not pass on, and kinds that are yet to be invented: what they hold is in raw.
    default:
      return { contentType: "event", text: "", segments: [] };
  }
}

/** The platform takes the mention of the robot away and leaves the blank after it. */
function written(content: string): Content {
  const text = content.trim();
  return { contentType: "text", text, segments: [{ type: "text", text }] };
}

/** downloadCode is good for a short time; messageFiles/download makes an address of it. */
function media(type: "image" | "voice" | "video" | "file", content: Fields): Content {
  const ref = optional(content, "downloadCode") || optional(content, "pictureDownloadCode");
  if (!ref) throw new VerifyError("malformed_message");
  const name = optional(content, "fileName");
  return { contentType: type, text: "", segments: [{ type, ref, ...(name && { name }) }] };
}

function richText(parts: unknown): Content {
  if (!Array.isArray(parts)) throw new VerifyError("malformed_message");
  const segments = parts.map(fields).flatMap((part): Segment[] => {
    if (part.type === "picture") return media("image", part).segments;
    const text = optional(part, "text");
    return text ? [{ type: "text", text }] : [];
  });
  const text = segments.map((segment) => (segment.type === "text" ? segment.text : "")).join("");
  const kinds = new Set(segments.map((segment) => segment.type));
  const contentType = kinds.size > 1 ? "mixed" : kinds.has("image") ? "image" : "text";
  return { contentType, text: text.trim(), segments };
}

/** Whom a group message was addressed to, the robot among them. Where in the text they stood is not told. */
function mentions(body: Fields): Segment[] {
  if (!Array.isArray(body.atUsers)) return [];
  return body.atUsers.map(fields).flatMap((user): Segment[] => {
    const id = optional(user, "staffId") || optional(user, "dingtalkId");
    return id ? [{ type: "mention", id }] : [];
  });
}

/** Milliseconds, as a number or as text: both occur. */
function time(value: unknown): number {
  const ms = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof ms !== "number" || !Number.isFinite(ms)) throw new VerifyError("malformed_message");
  return ms;
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function optional(of: Fields, name: string): string {
  const value = of[name] ?? "";
  if (typeof value !== "string") throw new VerifyError("malformed_message");
  return value;
}

function required(of: Fields, name: string): string {
  const value = optional(of, name);
  if (value === "") throw new VerifyError("malformed_message");
  return value;
}
