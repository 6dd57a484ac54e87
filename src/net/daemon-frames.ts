import type { ErrorCode } from "../errors.ts";
import type { Conversation, Segment } from "../message.ts";

export interface DaemonMessage {
  /** Unique for this client for good: the same id again is the same message. */
  id: string;
  conversation: Conversation;
  sender: { id: string; name?: string; locale?: string; isAdmin?: boolean };
  /** May be absent when segments are given. */
  text?: string;
  segments?: Segment[];
  /** Default true. */
  mentionsBot?: boolean;
}

export interface DaemonReply {
  type: "reply";
  /** Larger for each further reply to this client. */
  seq: number;
  /** Id of the message that this answers. */
  replyTo?: string;
  conversation: Conversation;
  text: string;
  segments: Segment[];
}

/** A reply that is still being made: the whole text so far. */
export interface DaemonDelta {
  type: "delta";
  replyTo: string;
  conversation: Conversation;
  text: string;
}

/** The first frame of every connection. */
export interface Welcome {
  type: "welcome";
  client: string;
  /** The number of the client's last reply. */
  seq: number;
  limits: { maxFrameBytes: number };
}

/** Whatever the daemon sends. */
export type ServerFrame =
  | DaemonReply
  | DaemonDelta
  | Welcome
  | { type: "accepted"; id: string; result: "accepted" | "duplicate" }
  | { type: "error"; id?: string; code: ErrorCode; message: string; retryAfterMs?: number }
  | { type: "ping" }
  | { type: "pong" };

/** Undefined for what is no frame at all. */
export function parseServerFrame(text: string): ServerFrame | undefined {
  try {
    const frame: unknown = JSON.parse(text);
    return typeof frame === "object" && frame !== null ? (frame as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}
