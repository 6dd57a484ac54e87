import { type MediaSegment, RejectedError, type Reply, type Segment } from "clawdbot";
import { formatMarkdown } from "./markdown.ts";
import type { FilePart } from "./multipart.ts";
import { messageIdIn } from "./normalise.ts";
import { isMedia } from "./split.ts";

/** One call of the Bot API. */
export interface Outgoing {
  method: string;
  parameters: Record<string, unknown>;
  file?: FilePart;
}

const METHODS = {
  image: { method: "sendPhoto", field: "photo", name: "image.jpg" },
  voice: { method: "sendVoice", field: "voice", name: "voice.ogg" },
  video: { method: "sendVideo", field: "video", name: "video.mp4" },
  file: { method: "sendDocument", field: "document", name: "file" },
} as const;

/** What may stand in a header. */
const MIME = /^[\w.+-]{1,80}\/[\w.+-]{1,80}$/;

/**
 * The call that sends a reply which split() has cut, into the chat where its conversation is today. In groups it quotes the message that
 * it answers, in direct chats only when asked to. https://core.telegram.org/bots/api#available-methods
 */
export function outgoing(reply: Reply, chat: string): Outgoing {
  const content = reply.segments.filter((segment) => segment.type !== "quote");
  const [first, second] = content;
  const where = { chat_id: chat, ...topicOf(reply, chat), ...quoteOf(reply, chat) };
  if (first?.type === "text" || first?.type === "markdown") {
    return { method: "sendMessage", parameters: { ...where, ...written(first, "text", "entities") } };
  }
  if (first?.type === "location") return place(first, where);
  if (first && isMedia(first)) return media(first, second, where);
  throw new RejectedError("nothing in this reply can be sent");
}

function topicOf({ conversation }: Reply, chat: string): Record<string, unknown> {
  // A group that has moved may have other topics.
  return conversation.topic !== undefined && chat === conversation.id ? { message_thread_id: Number(conversation.topic) } : {};
}

/** What is gone is not quoted, and the reply is sent all the same. A message of before a group's move has another number now. */
function quoteOf({ segments, conversation, replyTo }: Reply, chat: string): Record<string, unknown> {
  const asked = segments.find((segment) => segment.type === "quote")?.id;
  const quoted = asked ?? (conversation.type === "group" ? replyTo : undefined);
  const messageId = quoted === undefined ? undefined : messageIdIn(chat, quoted);
  return messageId === undefined ? {} : { reply_parameters: { message_id: messageId, allow_sending_without_reply: true } };
}

function written(segment: Segment | undefined, textField: string, entitiesField: string): Record<string, unknown> {
  if (segment?.type === "text") return { [textField]: segment.text };
  if (segment?.type !== "markdown") return {};
  const { text, entities } = formatMarkdown(segment.text);
  return { [textField]: text, ...(entities.length > 0 && { [entitiesField]: entities }) };
}

function place({ latitude, longitude, title }: Segment & { type: "location" }, where: Record<string, unknown>): Outgoing {
  const parameters = { ...where, latitude, longitude };
  if (!title) return { method: "sendLocation", parameters };
  return { method: "sendVenue", parameters: { ...parameters, title, address: title } };
}

function media(segment: MediaSegment, caption: Segment | undefined, where: Record<string, unknown>): Outgoing {
  const { method, field, name } = METHODS[segment.type];
  const parameters = { ...where, ...written(caption, "caption", "caption_entities") };
  const known = segment.ref ?? (segment.data === undefined ? segment.url : undefined);
  if (known !== undefined) return { method, parameters: { ...parameters, [field]: known } };
  const mime = segment.mime && MIME.test(segment.mime) ? segment.mime : "application/octet-stream";
  const data = Buffer.from(segment.data!, "base64");
  if (data.length === 0) throw new RejectedError("the file is empty");
  return { method, parameters, file: { field, name: segment.name ?? name, mime, data } };
}
