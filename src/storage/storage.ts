import type { SendResult } from "../adapter.ts";
import type { Message, Reply } from "../message.ts";
import type { Service } from "../service.ts";

/**
 * Storage is the truth: what it has confirmed survives a crash at any instruction. Every method that writes resolves after the
 * write is on disk (fsync, or what the database server calls committed) and rejects with StorageError when nothing was written,
 * with CLAWDBOT_ERR_INVALID when it never can be (a value that is not JSON, an id that another row has).
 * Writes that arrive together may share one transaction; each is still all or nothing.
 *
 * A conversation is named by its key (conversationKey in message.ts). Times are ms since the epoch.
 */
export interface Storage extends Service, Inbox, Outbox, DeadLetters, Records, KeyValueRows {
  /** Rejects when the store does not take writes now. */
  probe(): Promise<void>;
  /** Forgets what ended before `before`: handled messages with their dedupe keys, sent replies, audit rows. Never unfinished work. */
  prune(before: number): Promise<number>;
}

export interface Inbox {
  /**
   * Keeps a message as the last of its conversation. "duplicate" when (channel, account, platformId) is already known: nothing
   * changes then but that message's count of duplicates.
   */
  accept(message: Message): Promise<"accepted" | "duplicate">;
  /** The unfinished messages of a conversation, in order of acceptance. */
  pendingMessages(conversation: string, limit: number): Promise<PendingMessage[]>;
  /**
   * Ends a message: its outcome, its trace and its replies are written in one transaction. A message that has ended already
   * stays as it is and its replies are not written again.
   */
  finishMessage(id: string, end: MessageEnd): Promise<void>;
  /** Keeps a failed attempt; the message stays the first of its conversation and waits until notBefore. */
  retryMessage(id: string, failure: Failure): Promise<void>;
}

export interface Outbox {
  /** Adds replies that answer no message (proactive sends). */
  addReplies(replies: Reply[]): Promise<void>;
  /** The undelivered replies of a conversation, in order. */
  pendingReplies(conversation: string, limit: number): Promise<PendingReply[]>;
  finishReply(id: string, sent: { at: number; attempts: number; result: SendResult }): Promise<void>;
  retryReply(id: string, failure: Failure): Promise<void>;
  /** Gives a reply up: it becomes a dead letter. */
  buryReply(id: string, failure: Omit<Failure, "notBefore">): Promise<void>;
}

export interface PendingMessage {
  message: Message;
  /** Failed attempts so far. */
  attempts: number;
  /** Not to be tried before; 0 = now. */
  notBefore: number;
}

export interface PendingReply {
  reply: Reply;
  attempts: number;
  notBefore: number;
  /** True when an earlier run of this or another process may have sent it without noting so. */
  maybeSent: boolean;
}

export interface Failure {
  attempts: number;
  notBefore: number;
  /** Stable reason code. */
  reason: string;
  /** One line for the operator; no user text, no secret. */
  detail: string;
  at: number;
  /** For replies: the failed send may have arrived. */
  maybeSent?: boolean;
}

/** How the handling of a message ended. "dead" puts it among the dead letters. */
export type Outcome = "replied" | "silent" | "denied" | "nobody" | "dead";

export interface MessageEnd {
  outcome: Outcome;
  /** Stable reason code: docs/trace.md lists them. */
  reason: string;
  /** One line for the operator; no user text, no secret. */
  detail?: string;
  skill?: string;
  replies: Reply[];
  steps: TraceStep[];
  attempts: number;
  at: number;
}

export interface TraceStep {
  step: "accept" | "guard" | "route" | "run" | "finish" | "deliver";
  /** ms after the message's receivedAt. */
  at: number;
  /** How long the step took. */
  ms: number;
  note?: string;
}

export type DeadLetterKind = "message" | "reply";

export interface DeadLetter {
  /** Id of the message or reply. */
  id: string;
  kind: DeadLetterKind;
  channel: string;
  account: string;
  conversation: string;
  attempts: number;
  reason: string;
  detail: string;
  at: number;
}

export interface DeadLetters {
  /** Newest first, by id; `before` is the last id of the page before. */
  deadLetters(query: { reason?: string; channel?: string; limit: number; before?: string }): Promise<DeadLetter[]>;
  deadLetter(id: string): Promise<{ letter: DeadLetter; content: Message | Reply } | null>;
  /** Makes it pending again with no attempts counted, at its old place in the order; resolves with its conversation, null when there is none. */
  replay(id: string): Promise<string | null>;
  /** Removes dead letters; resolves with how many. A message's dedupe key stays. */
  purge(query: { id?: string; reason?: string; before?: number }): Promise<number>;
}

export interface Trace {
  id: string;
  channel: string;
  account: string;
  platformId: string;
  conversation: string;
  sender: string;
  receivedAt: number;
  /** Later deliveries of the same message that were suppressed. */
  duplicates: number;
  state: "pending" | "done" | "dead";
  outcome: Outcome | null;
  reason: string | null;
  detail: string | null;
  skill: string | null;
  attempts: number;
  steps: TraceStep[];
  replies: {
    id: string;
    state: "pending" | "sent" | "dead";
    attempts: number;
    /** When it was sent or given up. */
    at: number | null;
    reason: string | null;
    detail: string | null;
    platformId: string | null;
  }[];
}

/** What is kept for people to look at, and the numbers over it. */
export interface Records {
  /** Unfinished and dead rows. Cheap: asked by every scrape. */
  counts(): Promise<Counts>;
  /** Conversation keys that have unfinished work, each with the earliest time at which it may be tried. */
  unfinished(): Promise<{ inbox: Due[]; outbox: Due[] }>;
  /** One trace by the message's id or platform id. */
  trace(id: string): Promise<Trace | null>;
  /** Newest first. */
  traces(query: { since?: number; conversation?: string; channel?: string; limit: number }): Promise<Trace[]>;
  /**
   * What was said in a conversation, oldest first and each reply right after the message that it answers, ending just before
   * `before` (a message or reply id) or now. Without the replies that were given up.
   */
  history(conversation: string, query: { limit: number; before?: string }): Promise<(Message | Reply)[]>;
  /** Sent replies of one account whose result.sequence is larger than `after`, ascending by it; with after -1, only the last one. */
  sent(channel: string, account: string, after: number, limit: number): Promise<{ reply: Reply; result: SendResult }[]>;
  audit(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  auditEntries(query: { since?: number; limit: number }): Promise<AuditEntry[]>;
}

export interface Counts {
  inbox: number;
  outbox: number;
  deadLetters: number;
  /** receivedAt of the oldest unfinished message. */
  oldest: number | null;
}

export interface Due {
  conversation: string;
  at: number;
}

export interface AuditEntry {
  at: number;
  /** Who: channel:id of a sender, or "cli". */
  actor: string;
  /** What was tried, such as "skill.run". */
  action: string;
  target: string;
  result: "ok" | "denied";
  reason: string;
}

export interface KeyValueRows {
  kvGet(namespace: string, key: string): Promise<{ value: unknown; version: number } | null>;
  /** See KeyValue.set in skill.ts. */
  kvSet(namespace: string, key: string, value: unknown, options?: { ifVersion?: number; expiresAt?: number }): Promise<number | null>;
  kvDelete(namespace: string, key: string): Promise<void>;
  kvList(namespace: string, prefix: string, limit: number): Promise<{ key: string; value: unknown; version: number }[]>;
}
