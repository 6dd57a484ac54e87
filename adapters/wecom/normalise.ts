import { type ContentType, type InboundMessage, type Segment, VerifyError } from "clawdbot";
import type { Fields } from "./scan-xml.ts";

/**
 * The message that a verified callback carries. Apps get direct messages only, so the conversation is the sender.
 * Messages: https://developer.work.weixin.qq.com/document/path/90239, events: https://developer.work.weixin.qq.com/document/path/90240
 */
export function normalise(fields: Fields, account: string): InboundMessage {
  const user = required(fields, "FromUserName");
  const { contentType, text = "", segments = [] } = contentOf(fields);
  return {
    account,
    platformId: idOf(fields, user),
    conversation: { id: user, type: "direct" },
    sender: { id: user },
    contentType,
    text,
    segments,
    mentionsBot: true,
    sentAt: number(fields, "CreateTime") * 1000,
    raw: fields,
  };
}

interface Content {
  contentType: ContentType;
  text?: string;
  segments?: Segment[];
}

function contentOf(fields: Fields): Content {
  switch (required(fields, "MsgType")) {
    case "text":
      return written(optional(fields, "Content"));
    case "link":
      return written([optional(fields, "Title"), optional(fields, "Description"), required(fields, "Url")].filter(Boolean).join("\n"));
    case "image":
      return media("image", fields);
    case "voice":
      return media("voice", fields);
    case "video":
      return media("video", fields);
    // Not in the official list; the platform's own plugin receives it.
    case "file":
      return media("file", fields);
    case "location": {
      const place = { latitude: number(fields, "Location_X"), longitude: number(fields, "Location_Y"), title: optional(fields, "Label") };
      return { contentType: "location", segments: [{ type: "location", ...place }] };
    }
    // Events, and kinds of messages that are yet to be invented: what they hold is in raw.
    default:
      return { contentType: "event" };
  }
}

function written(text: string): Content {
  return { contentType: "text", text, segments: [{ type: "text", text }] };
}

/** MediaId is good for three days: https://developer.work.weixin.qq.com/document/path/90254 */
function media(type: "image" | "voice" | "video" | "file", fields: Fields): Content {
  const url = optional(fields, "PicUrl");
  return { contentType: type, segments: [{ type, ref: required(fields, "MediaId"), ...(url && { url }) }] };
}

/**
 * MsgId is a 64-bit number and stays text. Events have none: they are known by sender and second, and by what tells two of the same
 * second apart. https://developer.work.weixin.qq.com/document/path/90238
 */
function idOf(fields: Fields, user: string): string {
  const id = optional(fields, "MsgId");
  if (id) return id;
  const parts = [user, required(fields, "CreateTime"), required(fields, "Event"), optional(fields, "EventKey")];
  // One change of the address book may touch many members in one second, all from the user "sys".
  if (fields.ChangeType) parts.push(...["ChangeType", "UserID", "Id", "TagId"].map((name) => optional(fields, name)));
  return parts.join(":");
}

function optional(fields: Fields, name: string): string {
  const value = fields[name] ?? "";
  if (typeof value !== "string") throw new VerifyError("malformed_message");
  return value;
}

function required(fields: Fields, name: string): string {
  const value = optional(fields, name);
  if (value === "") throw new VerifyError("malformed_message");
  return value;
}

function number(fields: Fields, name: string): number {
  const value = Number(required(fields, name));
  if (!Number.isFinite(value)) throw new VerifyError("malformed_message");
  return value;
}
