import type { Message } from "../message.ts";

/** The one place where permission is decided. Nothing reaches a skill but through a Permit. */
export interface Guard {
  /** What this message's sender may use in its conversation. Cheap; reads nothing but memory. */
  permit(message: Pick<Message, "channel" | "account" | "conversation" | "sender">): Permit;
}

export interface Permit {
  /** Whether the sender may use the skill here, rate limit aside. Counts nothing. */
  may(skill: string): Decision;
  /** The same and counts one use against the rate limit when it is allowed. Called once per message, not per attempt. */
  use(skill: string): Decision;
  /** Takes back one counted use (the skill said the message was not its own). */
  refund(skill: string): void;
  /** Whether the sender is to be told of a denial now: true once per window, skill, sender and conversation. */
  announce(skill: string, decision: Denial): boolean;
}

export type Decision = { allowed: true } | Denial;

export interface Denial {
  allowed: false;
  reason: "user_denied" | "group_not_allowed" | "admin_only" | "rate_limited" | "not_granted";
  /** Which rule decided, such as "permissions.yaml:4 deny_users". */
  rule: string;
  retryAfterMs?: number;
}
