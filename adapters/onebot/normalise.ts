import { createHash } from "node:crypto";
import type { Conversation, InboundMessage, Sender } from "clawdbot";
import { readContent, segmentsOf } from "./content.ts";
import { type Fields, isObject } from "./frames.ts";
import { idOf } from "./ids.ts";
import { privateConversation } from "./target.ts";

/** Which event came to which account. */
export interface Arrived {
  event: Fields;
  /** The frame as it came. */
  text: string;
  account: string;
  now: number;
  /** Whether the account sent the message of that id. */
  isOwn(messageId: string): boolean;
}

/**
 * The message that an event carries; undefined when it carries none for skills: what the account itself wrote, meta events, somebody
 * typing, and events that lack an id. https://github.com/botuniverse/onebot-11/tree/master/event
 */
export function normalise(arrived: Arrived): InboundMessage | undefined {
  switch (arrived.event.post_type) {
    case "message":
      return message(arrived);
    case "notice":
    case "request":
      return happening(arrived);
    default:
      return undefined;
  }
}

function message({ event, account, now, isOwn }: Arrived): InboundMessage | undefined {
  const platformId = idOf(event.message_id);
  const user = idOf(event.user_id);
  const conversation = conversationOf(event, event.message_type === "group");
  if (platformId === undefined || user === undefined || user === account || !conversation) return undefined;
  const { contentType, text, segments, mentioned, replyTo } = readContent(segmentsOf(event.message), account);
  return {
    account,
    platformId,
    conversation,
    sender: senderOf(event, user, conversation.type === "group"),
    contentType,
    text,
    segments,
    mentionsBot: conversation.type === "direct" || mentioned || (replyTo !== undefined && isOwn(replyTo)),
    ...(replyTo !== undefined && { replyTo }),
    sentAt: timeOf(event, now),
    raw: event,
  };
}

/** Something happened, or somebody asks for something. These have no id: the same frame is the same event. */
function happening({ event, text, account, now }: Arrived): InboundMessage | undefined {
  // A peer that reports every keystroke would fill the store with them.
  if (event.sub_type === "input_status") return undefined;
  const user = idOf(event.user_id) ?? idOf(event.operator_id);
  const conversation = conversationOf(event, (idOf(event.group_id) ?? "0") !== "0");
  if (user === undefined || !conversation) return undefined;
  return {
    account,
    platformId: `event-${createHash("sha256").update(text).digest("hex").slice(0, 32)}`,
    conversation,
    sender: { id: user },
    contentType: "event",
    text: "",
    segments: [],
    mentionsBot: conversation.type === "direct" || (event.sub_type === "poke" && idOf(event.target_id) === account),
    sentAt: timeOf(event, now),
    raw: event,
  };
}

function conversationOf(event: Fields, isGroup: boolean): Conversation | undefined {
  const id = idOf(isGroup ? event.group_id : event.user_id);
  if (id === undefined) return undefined;
  if (!isGroup) return privateConversation(id);
  const title = event.group_name;
  return { id, type: "group", ...(typeof title === "string" && title !== "" && { title }) };
}

function senderOf(event: Fields, id: string, isGroup: boolean): Sender {
  const { card, nickname, role } = isObject(event.sender) ? event.sender : {};
  // Who speaks anonymously has no name but that one, and no role.
  if (isObject(event.anonymous)) return { id, ...named(event.anonymous.name) };
  return { id, ...named(card || nickname), ...(isGroup && { isAdmin: role === "owner" || role === "admin" }) };
}

function named(name: unknown): { name?: string } {
  return typeof name === "string" && name !== "" ? { name } : {};
}

/** Peers write seconds. */
function timeOf({ time }: Fields, now: number): number {
  const sentAt = typeof time === "number" ? Math.round(time * 1000) : 0;
  return Number.isSafeInteger(sentAt) && sentAt > 0 ? sentAt : now;
}
