import type { ContentType, Conversation, InboundMessage, MediaSegment, Segment, Sender } from "clawdbot";
import { address } from "./address.ts";
import type { Bot, CallbackQuery, Chat, ChatMemberUpdated, File, TelegramMessage, Update, User } from "./types.ts";

/** The kinds of updates that are asked for and understood. https://core.telegram.org/bots/api#update */
export const ALLOWED_UPDATES = [
  "message",
  "edited_message",
  "channel_post",
  "edited_channel_post",
  "callback_query",
  "my_chat_member",
] as const;

const MEDIA = [
  ["animation", "video"],
  ["document", "file"],
  ["audio", "file"],
  ["voice", "voice"],
  ["video", "video"],
  ["video_note", "video"],
  ["sticker", "image"],
] as const;

/**
 * The message that an update carries; undefined for what nobody is to see: other bots, and kinds of updates that are not asked for. An
 * edit is an event: what was answered once is not answered again because a word was put right.
 */
export function normalise(update: Update, account: string, bot: Bot, now: number): InboundMessage | undefined {
  const posted = update.message ?? update.channel_post;
  if (posted) return isFromBot(posted) ? undefined : ofMessage(posted, update, account, bot);
  const edited = update.edited_message ?? update.edited_channel_post;
  if (edited) return isFromBot(edited) ? undefined : ofEdit(edited, update, account, bot);
  if (update.callback_query) return ofButton(update.callback_query, update, account, now);
  if (update.my_chat_member) return ofMembership(update.my_chat_member, update, account);
  return undefined;
}

/** message_id counts within a chat, so a message is known by both. */
export function platformIdOf(chat: string | number, messageId: number): string {
  return `${chat}:${messageId}`;
}

/** The message_id, if the message is one of this chat. */
export function messageIdIn(chat: string, platformId: string): number | undefined {
  const number = platformId.startsWith(`${chat}:`) ? platformId.slice(chat.length + 1) : "";
  return /^\d+$/.test(number) ? Number(number) : undefined;
}

function ofMessage(message: TelegramMessage, update: Update, account: string, bot: Bot): InboundMessage {
  const { chat } = message;
  const { text, segments, mentionsBot } = address(message, bot);
  const quoted = message.reply_to_message && platformIdOf(chat.id, message.reply_to_message.message_id);
  const media = mediaOf(message);
  return {
    account,
    platformId: platformIdOf(chat.id, message.message_id),
    conversation: conversationOf(chat, message),
    sender: senderOf(message),
    contentType: contentTypeOf(media, segments),
    text,
    segments: [...(quoted ? [{ type: "quote" as const, id: quoted }] : []), ...media, ...segments],
    mentionsBot,
    ...(quoted && { replyTo: quoted }),
    sentAt: message.date * 1000,
    raw: update,
  };
}

function ofEdit(message: TelegramMessage, update: Update, account: string, bot: Bot): InboundMessage {
  const { platformId, conversation, sender } = ofMessage(message, update, account, bot);
  const sentAt = (message.edit_date ?? message.date) * 1000;
  return {
    ...event({ account, platformId: `${platformId}:${update.update_id}`, conversation, sender, sentAt, raw: update }),
    replyTo: platformId,
  };
}

/** A pressed button says what it carries, so that a button can be a command. */
function ofButton(query: CallbackQuery, update: Update, account: string, now: number): InboundMessage {
  const { id, from, message, data = "" } = query;
  const chat: Chat = message?.chat ?? { id: from.id, type: "private" };
  return {
    account,
    platformId: `callback:${id}`,
    conversation: conversationOf(chat, message),
    sender: personOf(from),
    contentType: "event",
    text: data,
    segments: data === "" ? [] : [{ type: "text", text: data }],
    mentionsBot: true,
    ...(message && { replyTo: platformIdOf(chat.id, message.message_id) }),
    sentAt: now,
    raw: update,
  };
}

function ofMembership({ chat, from, date }: ChatMemberUpdated, update: Update, account: string): InboundMessage {
  return event({
    account,
    platformId: `update:${update.update_id}`,
    conversation: conversationOf(chat),
    sender: personOf(from),
    sentAt: date * 1000,
    raw: update,
  });
}

function event(about: Omit<InboundMessage, "contentType" | "text" | "segments" | "mentionsBot">): InboundMessage {
  return { ...about, contentType: "event", text: "", segments: [], mentionsBot: false };
}

/** Bots that answer each other never stop. An anonymous administrator's stand-in counts as a bot, too, but has a sender_chat. */
function isFromBot({ from, sender_chat }: TelegramMessage): boolean {
  return sender_chat === undefined && from?.is_bot === true;
}

function conversationOf(chat: Chat, message?: TelegramMessage): Conversation {
  return {
    id: String(chat.id),
    type: chat.type === "private" ? "direct" : "group",
    ...(chat.title !== undefined && { title: chat.title }),
    // Threads of replies in ordinary supergroups have an id as well, but nothing can be sent there.
    ...(message?.is_topic_message && { topic: String(message.message_thread_id) }),
  };
}

function senderOf({ from, sender_chat, chat }: TelegramMessage): Sender {
  const as = sender_chat ?? (from ? undefined : chat);
  if (!as) return personOf(from!);
  // Who speaks as the group itself is one of its administrators: https://core.telegram.org/bots/api#message
  return { id: String(as.id), ...(as.title !== undefined && { name: as.title }), isAdmin: as.id === chat.id };
}

function personOf({ id, first_name, last_name, language_code }: User): Sender {
  return {
    id: String(id),
    name: last_name ? `${first_name} ${last_name}` : first_name,
    ...(language_code !== undefined && { locale: language_code }),
  };
}

function mediaOf(message: TelegramMessage): Segment[] {
  const photo = message.photo?.at(-1);
  if (photo) return [segmentOf("image", photo)];
  const place = message.venue?.location ?? message.location;
  if (place) return [{ type: "location", ...coordinates(place), ...(message.venue && { title: message.venue.title }) }];
  for (const [field, type] of MEDIA) {
    const file = message[field];
    if (file) return [segmentOf(type, file)];
  }
  return [];
}

function coordinates({ latitude, longitude }: { latitude: number; longitude: number }) {
  return { latitude, longitude };
}

/** Known by its file_id alone: the address of a file holds the bot's token. */
function segmentOf(type: MediaSegment["type"], file: File): MediaSegment {
  return {
    type,
    ref: file.file_id,
    ...(file.file_name !== undefined && { name: file.file_name }),
    ...(file.mime_type !== undefined && { mime: file.mime_type }),
    ...(file.file_size !== undefined && { size: file.file_size }),
  };
}

/** A service message (who joined, a new title …) has neither text nor media. */
function contentTypeOf([media]: Segment[], written: Segment[]): ContentType {
  if (!media) return written.length > 0 ? "text" : "event";
  if (written.length > 0) return "mixed";
  return media.type as MediaSegment["type"] | "location";
}
