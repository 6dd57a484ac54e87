import { ClawdbotError, type Conversation, type Message, OverloadedError, type Reply, type Segment, type Sender } from "clawdbot";
import { FrameError } from "./frame-error.ts";
import { type Fields, isObject, parseId, parseLabel, parseSegments } from "./segments.ts";

/** What a client may send. */
export type ClientFrame = MessageFrame | { type: "ack" | "resume"; seq: number } | { type: "ping" | "pong" };

export interface MessageFrame {
  type: "message";
  id: string;
  conversation: Conversation;
  /** isAdmin is what the client says; whether it counts is for its token to decide. */
  sender: Sender;
  /** Absent when the segments say it all. */
  text: string | undefined;
  segments: Segment[] | undefined;
  mentionsBot: boolean;
}

/**
 * Reads one text frame. Throws FrameError when it is not what the protocol says. What it returns is made of known keys only.
 * The checks are by hand: this runs for every frame.
 */
export function parseFrame(text: string): ClientFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    throw new FrameError("a frame must be one JSON object", true);
  }
  if (!isObject(frame)) throw new FrameError("a frame must be one JSON object", true);
  switch (frame.type) {
    case "message":
      return parseMessage(frame);
    case "ack":
    case "resume":
      return { type: frame.type, seq: parseSequence(frame.seq) };
    case "ping":
    case "pong":
      return { type: frame.type };
    default:
      throw new FrameError("a frame's type must be message, ack, resume, ping or pong");
  }
}

function parseMessage(frame: Fields): MessageFrame {
  const id = parseId(frame.id, "id");
  try {
    return {
      type: "message",
      id,
      conversation: parseConversation(frame.conversation),
      sender: parseSender(frame.sender),
      ...parseContent(frame),
      mentionsBot: parseFlag(frame.mentionsBot, "mentionsBot") ?? true,
    };
  } catch (error) {
    if (error instanceof FrameError) error.id = id;
    throw error;
  }
}

function parseContent(frame: Fields): Pick<MessageFrame, "text" | "segments"> {
  const segments = frame.segments === undefined ? undefined : parseSegments(frame.segments);
  if (frame.text === undefined ? !segments?.length : typeof frame.text !== "string" || (frame.text === "" && !segments?.length)) {
    throw new FrameError("a message needs text, a string that is not empty, or segments");
  }
  return { text: frame.text as string | undefined, segments };
}

function parseConversation(value: unknown): Conversation {
  if (!isObject(value)) throw new FrameError("conversation must be an object");
  const { type } = value;
  if (type !== "direct" && type !== "group") throw new FrameError("conversation.type must be direct or group");
  const conversation: Conversation = { id: parseId(value.id, "conversation.id"), type };
  const title = parseLabel(value.title, "conversation.title");
  if (title !== undefined) conversation.title = title;
  return conversation;
}

function parseSender(value: unknown): Sender {
  if (!isObject(value)) throw new FrameError("sender must be an object");
  const sender: Sender = { id: parseId(value.id, "sender.id") };
  const name = parseLabel(value.name, "sender.name");
  const locale = parseLabel(value.locale, "sender.locale");
  const isAdmin = parseFlag(value.isAdmin, "sender.isAdmin");
  if (name !== undefined) sender.name = name;
  if (locale !== undefined) sender.locale = locale;
  if (isAdmin !== undefined) sender.isAdmin = isAdmin;
  return sender;
}

function parseFlag(value: unknown, what: string): boolean | undefined {
  if (value !== undefined && typeof value !== "boolean") throw new FrameError(`${what} must be true or false`);
  return value;
}

function parseSequence(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new FrameError("seq must be a whole number from 0");
  return value as number;
}

export function welcomeFrame(client: string, seq: number, maxFrameBytes: number): string {
  return JSON.stringify({ type: "welcome", client, seq, limits: { maxFrameBytes } });
}

export function acceptedFrame(id: string, result: "accepted" | "duplicate"): string {
  return `{"type":"accepted","id":${JSON.stringify(id)},"result":"${result}"}`;
}

export function replyFrame(reply: Reply, seq: number): string {
  const { replyTo, conversation, text, segments } = reply;
  return JSON.stringify({ type: "reply", seq, replyTo, conversation, text, segments });
}

export function deltaFrame(message: Message, text: string): string {
  return JSON.stringify({ type: "delta", replyTo: message.platformId, conversation: message.conversation, text });
}

/** Why a frame was not taken. Says nothing of what went wrong inside. */
export function errorFrame(error: unknown, id: string | undefined): string {
  const code = error instanceof ClawdbotError ? error.code : "CLAWDBOT_ERR_STORAGE";
  if (error instanceof FrameError) return JSON.stringify({ type: "error", id, code, message: error.message });
  const overloaded = error instanceof OverloadedError;
  const message = overloaded ? error.message : "the message could not be kept: send it again";
  return JSON.stringify({ type: "error", id, code, message, retryAfterMs: overloaded ? error.retryAfterMs : 5000 });
}
