/**
 * The words of this project, one each:
 *
 * - channel       a platform that people chat on (its adapter is a folder of that name)
 * - account       one bot on a channel; its connection, tokens and limits are its own
 * - conversation  a direct chat or a group on one account: the unit of order
 * - sender        who wrote a message
 * - message       what came in, in the one form that every skill sees
 * - segment       one piece of a message's or a reply's content
 * - reply         what goes out: exactly one call to the platform
 * - delivery      handing a reply to the platform
 * - skill         what answers messages
 * - dead letter   a message or reply that was given up, with its reason, kept for replay
 * - trace         the way of one message, step by step, with its outcome and reason
 *
 * This file imports nothing. Times are milliseconds since the Unix epoch unless a name says otherwise.
 */

export interface Conversation {
  id: string;
  type: "direct" | "group";
  title?: string;
  /** A topic inside it, where the platform has them: replies go there. Permissions and order are the conversation's. */
  topic?: string;
}

export interface Sender {
  id: string;
  name?: string;
  /** The platform's own word on whether the sender administers this conversation. Never taken from message content. */
  isAdmin?: boolean;
  /** BCP 47 tag, where the platform tells it. */
  locale?: string;
}

export type ContentType = "text" | "image" | "voice" | "video" | "file" | "location" | "event" | "mixed";

export interface MediaSegment {
  type: "image" | "file" | "voice" | "video";
  /** Where to fetch it. Comes from outside: fetch it only through the guarded fetch. */
  url?: string;
  /** The content itself, base64. */
  data?: string;
  /** The platform's own handle (a media id), meaningful to its adapter only. */
  ref?: string;
  name?: string;
  mime?: string;
  /** Bytes. */
  size?: number;
}

export type Segment =
  | { type: "text"; text: string }
  | { type: "markdown"; text: string }
  | MediaSegment
  | { type: "mention"; id?: string; name?: string; all?: boolean }
  | { type: "quote"; id: string }
  | { type: "location"; latitude: number; longitude: number; title?: string };

export interface Message {
  /** Ours: unique, and ascending with time, so that sorting by it sorts by arrival. */
  id: string;
  channel: string;
  account: string;
  /** The platform's id. (channel, account, platformId) is what makes two deliveries the same message. */
  platformId: string;
  conversation: Conversation;
  sender: Sender;
  contentType: ContentType;
  /** The plain text without the mention of the bot; for a command, skills see what follows its name. */
  text: string;
  /** The whole original content, mentions and command name included. */
  segments: Segment[];
  /** True in direct chats, and in groups where the bot was addressed. */
  mentionsBot: boolean;
  /** platformId of the message that this one answers. */
  replyTo?: string;
  sentAt: number;
  receivedAt: number;
  /** The platform's own object, for skills that must. JSON. */
  raw: unknown;
}

/** What an adapter hands over: the core adds the id, the channel and the time of arrival. */
export type InboundMessage = Omit<Message, "id" | "channel" | "receivedAt">;

export interface Reply {
  id: string;
  channel: string;
  account: string;
  conversation: Conversation;
  segments: Segment[];
  /** The segments as plain text. */
  text: string;
  /** The message (ours) that this answers; absent for a proactive send. */
  messageId?: string;
  /** The same message by its platform id. */
  replyTo?: string;
  /** When that message arrived: some platforms take answers for a limited time. */
  askedAt?: number;
  /** How many more replies to that message come after this one; absent for the last. */
  followedBy?: number;
  createdAt: number;
}

/** The unit of order as one string. Two equal keys never run at the same time; different keys never wait for each other. */
export function conversationKey(of: { channel: string; account: string; conversation: { id: string } }): string {
  return `${of.channel}:${of.account}:${of.conversation.id}`;
}

/** The plain text of segments: what a channel without formatting would show. */
export function plainText(segments: readonly Segment[]): string {
  return segments.map(segmentText).join("");
}

function segmentText(segment: Segment): string {
  switch (segment.type) {
    case "text":
    case "markdown":
      return segment.text;
    case "mention":
      return segment.all ? "@all" : `@${segment.name ?? segment.id ?? ""}`;
    case "location":
      return `[location${segment.title ? ` ${segment.title}` : ""}]`;
    case "quote":
      return "";
    default:
      return `[${segment.type}${segment.name ? ` ${segment.name}` : ""}]`;
  }
}
