import type { Database } from "better-sqlite3";
import { createPruning, type Prunable, STEP } from "./sqlite-prune.ts";

/** A reply as its row: seq is given by the store, body is its JSON. */
export type ReplyRow = [
  id: string,
  channel: string,
  account: string,
  conversation: string,
  messageId: string | null,
  createdAt: number,
  body: string,
];

/** An unfinished row as the database has it. */
export type UnfinishedTuple = [
  seq: number,
  id: string,
  conversation: string,
  at: number,
  attempts: number,
  notBefore: number,
  maybeSent: 0 | 1,
];

export type Writes = ReturnType<typeof createWrites>;

/**
 * What the writing thread can do, by name. Each runs inside the transaction of its batch; a rollback undoes it but for a gap in
 * seq. Reads that must see what was written just before stand here too.
 */
export function createWrites(db: Database) {
  const one = <Row>(sql: string) => db.prepare<unknown[], Row>(sql);
  const column = <Value>(sql: string) => db.prepare<unknown[], Value>(sql).pluck();

  let nextSeq = column<number>(
    "SELECT 1 + max(ifnull((SELECT max(seq) FROM messages), 0), ifnull((SELECT max(seq) FROM outbox), 0))",
  ).get()!;

  const insertMessage = db.prepare(
    `INSERT INTO messages (seq, id, channel, account, platform_id, conversation, sender, received_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (platform_id, channel, account) DO NOTHING`,
  );
  const countDuplicate = db.prepare(
    "UPDATE messages SET duplicates = duplicates + 1 WHERE platform_id = ? AND channel = ? AND account = ?",
  );
  const endMessage = db.prepare(
    `UPDATE messages SET state = ?, outcome = ?, reason = ?, detail = ?, skill = ?, steps = ?, attempts = ?, ended_at = ?
     WHERE id = ? AND state = 0`,
  );
  const retryMessage = db.prepare("UPDATE messages SET attempts = ?, not_before = ?, reason = ?, detail = ? WHERE id = ? AND state = 0");
  const insertReply = db.prepare(
    "INSERT INTO outbox (seq, id, channel, account, conversation, message_id, created_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const sentReply = db.prepare(
    `UPDATE outbox SET state = 1, attempts = ?, ended_at = ?, reason = NULL, detail = NULL, sequence = ?, result = ?
     WHERE id = ? AND state = 0`,
  );
  const retryReply = db.prepare(
    `UPDATE outbox SET attempts = ?, not_before = ?, reason = ?, detail = ?, maybe_sent = max(maybe_sent, ?) WHERE id = ? AND state = 0`,
  );
  const buryReply = db.prepare(
    `UPDATE outbox SET state = 2, attempts = ?, ended_at = ?, reason = ?, detail = ?, maybe_sent = max(maybe_sent, ?)
     WHERE id = ? AND state = 0`,
  );
  const replayMessage = one<UnfinishedTuple>(
    `UPDATE messages SET state = 0, attempts = 0, not_before = 0, ended_at = NULL, outcome = NULL, reason = NULL, detail = NULL
     WHERE id = ? AND state = 2 RETURNING seq, id, conversation, received_at, attempts, not_before, 0`,
  ).raw();
  const replayReply = one<UnfinishedTuple>(
    `UPDATE outbox SET state = 0, attempts = 0, not_before = 0, ended_at = NULL, reason = NULL, detail = NULL
     WHERE id = ? AND state = 2 RETURNING seq, id, conversation, created_at, attempts, not_before, maybe_sent`,
  ).raw();
  const chosen =
    "state = 2 AND (@id IS NULL OR id = @id) AND (@reason IS NULL OR reason = @reason) AND (@before IS NULL OR ended_at < @before)";
  const purgeMessages = db.prepare(
    `UPDATE messages SET state = 1, body = '' WHERE seq IN (SELECT seq FROM messages WHERE ${chosen} LIMIT ${STEP})`,
  );
  const purgeReplies = db.prepare(`DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE ${chosen} LIMIT ${STEP})`);
  const insertAudit = db.prepare("INSERT INTO audit (at, actor, action, target, result, reason) VALUES (?, ?, ?, ?, ?, ?)");
  const probe = db.prepare("UPDATE probe SET at = ?");
  const messageBody = column<string>("SELECT body FROM messages WHERE seq = ?");
  const replyBody = column<string>("SELECT body FROM outbox WHERE seq = ?");
  const kvRow = one<{ version: number; value: string }>(
    "SELECT version, value FROM kv WHERE namespace = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
  );
  const kvPut = db.prepare("INSERT OR REPLACE INTO kv (namespace, key, value, expires_at) VALUES (?, ?, ?, ?)");
  const kvRemove = db.prepare("DELETE FROM kv WHERE namespace = ? AND key = ?");
  const pruning = createPruning(db);

  function addReplies(replies: ReplyRow[]): number {
    const first = nextSeq;
    for (const [id, channel, account, conversation, messageId, createdAt, body] of replies) {
      insertReply.run(nextSeq++, id, channel, account, conversation, messageId, createdAt, body);
    }
    return first;
  }

  return {
    /** The message's seq; 0 when it is a duplicate. */
    accept(
      id: string,
      channel: string,
      account: string,
      platformId: string,
      conversation: string,
      sender: string,
      receivedAt: number,
      body: string,
    ): number {
      const added = insertMessage.run(nextSeq, id, channel, account, platformId, conversation, sender, receivedAt, body);
      if (added.changes === 1) return nextSeq++;
      countDuplicate.run(platformId, channel, account);
      return 0;
    },

    /** The seq of the first reply (the others follow it); 0 when the message has ended already. */
    finishMessage(
      id: string,
      outcome: string,
      reason: string,
      detail: string | null,
      skill: string | null,
      steps: string,
      attempts: number,
      at: number,
      replies: ReplyRow[],
    ): number {
      const ended = endMessage.run(outcome === "dead" ? 2 : 1, outcome, reason, detail, skill, steps, attempts, at, id);
      return ended.changes === 0 ? 0 : addReplies(replies);
    },

    retryMessage(id: string, attempts: number, notBefore: number, reason: string, detail: string): boolean {
      return retryMessage.run(attempts, notBefore, reason, detail, id).changes === 1;
    },

    /** The seq of the first one; the others follow it. */
    addReplies,

    finishReply(id: string, attempts: number, at: number, sequence: number | null, result: string): boolean {
      return sentReply.run(attempts, at, sequence, result, id).changes === 1;
    },

    retryReply(id: string, attempts: number, notBefore: number, reason: string, detail: string, maybeSent: 0 | 1): boolean {
      return retryReply.run(attempts, notBefore, reason, detail, maybeSent, id).changes === 1;
    },

    buryReply(id: string, attempts: number, at: number, reason: string, detail: string, maybeSent: 0 | 1): boolean {
      return buryReply.run(attempts, at, reason, detail, maybeSent, id).changes === 1;
    },

    replay(id: string): { kind: "message" | "reply"; row: UnfinishedTuple } | null {
      const message = replayMessage.get(id);
      if (message) return { kind: "message", row: message };
      const reply = replayReply.get(id);
      return reply ? { kind: "reply", row: reply } : null;
    },

    /** One step; to be repeated until it removes nothing. */
    purge(id: string | null, reason: string | null, before: number | null): number {
      const query = { id, reason, before };
      return purgeMessages.run(query).changes + purgeReplies.run(query).changes;
    },

    prune(table: Prunable, after: number, before: number): { removed: number; next: number | null } {
      return pruning[table](after, before);
    },

    audit(at: number, actor: string, action: string, target: string, result: string, reason: string): void {
      insertAudit.run(at, actor, action, target, result, reason);
    },

    probe(at: number): void {
      probe.run(at);
    },

    bodies(table: "messages" | "outbox", seqs: number[]): (string | undefined)[] {
      const body = table === "messages" ? messageBody : replyBody;
      return seqs.map((seq) => body.get(seq));
    },

    kvGet(namespace: string, key: string, now: number): { value: string; version: number } | null {
      return kvRow.get(namespace, key, now) ?? null;
    },

    /** The new version, which no earlier one equals, also after a delete; null when ifVersion does not match. */
    kvSet(namespace: string, key: string, value: string, ifVersion: number | null, expiresAt: number | null, now: number): number | null {
      if (ifVersion !== null && (kvRow.get(namespace, key, now)?.version ?? 0) !== ifVersion) return null;
      return Number(kvPut.run(namespace, key, value, expiresAt).lastInsertRowid);
    },

    kvDelete(namespace: string, key: string): void {
      kvRemove.run(namespace, key);
    },
  };
}
