import type { Database } from "better-sqlite3";
import type { SendResult } from "../adapter.ts";
import type { AuditEntry, DeadLetter, DeadLetterKind, Outcome, Trace, TraceStep } from "./storage.ts";

export type Reads = ReturnType<typeof createReads>;

const REPLY_STATES = ["pending", "sent", "dead"] as const;
const MESSAGE_STATES = ["pending", "done", "dead"] as const;

const TRACE = `SELECT id, channel, account, platform_id AS platformId, conversation, sender, received_at AS receivedAt, duplicates, state,
  outcome, reason, detail, skill, attempts, steps FROM messages`;

type TraceRow = Omit<Trace, "state" | "steps" | "replies"> & { state: number; outcome: Outcome | null; steps: string | null };
interface ReplyTraceRow {
  id: string;
  state: number;
  attempts: number;
  at: number | null;
  reason: string | null;
  detail: string | null;
  result: string | null;
}

/**
 * What the reading thread can do, by name: everything that people look at and that may take long. It sees what was committed
 * before the call.
 */
export function createReads(db: Database) {
  const all = <Row>(sql: string) => db.prepare<unknown[], Row>(sql);

  const traceById = all<TraceRow>(`${TRACE} WHERE id = ?`);
  const traceByPlatformId = all<TraceRow>(`${TRACE} WHERE platform_id = ? ORDER BY seq DESC LIMIT 1`);
  const tracesOfAll = all<TraceRow>(`${TRACE} ORDER BY seq DESC`);
  const tracesOfConversation = all<TraceRow>(`${TRACE} WHERE conversation = ? ORDER BY seq DESC`);
  const repliesOf = all<ReplyTraceRow>(
    "SELECT id, state, attempts, ended_at AS at, reason, detail, result FROM outbox WHERE message_id = ? ORDER BY seq",
  );
  const placeOfMessage = all<Place>("SELECT seq AS turn, seq FROM messages WHERE id = ?");
  const placeOfReply = all<Place>(
    "SELECT ifnull(m.seq, o.seq) AS turn, o.seq FROM outbox o LEFT JOIN messages m ON m.id = o.message_id WHERE o.id = ?",
  );
  const history = all<string>(
    `WITH said AS (SELECT seq, id, body FROM messages WHERE conversation = @conversation AND seq <= @turn AND body <> '' ORDER BY seq DESC LIMIT @limit + 1)
     SELECT body FROM (
       SELECT seq AS turn, seq, body FROM said
       UNION ALL
       SELECT said.seq, outbox.seq, outbox.body FROM said CROSS JOIN outbox ON message_id = said.id AND conversation = @conversation AND state <> 2
       UNION ALL
       SELECT * FROM (SELECT seq AS turn, seq, body FROM outbox
         WHERE conversation = @conversation AND message_id IS NULL AND seq <= @turn AND state <> 2 ORDER BY seq DESC LIMIT @limit + 1)
     ) WHERE (turn, seq) < (@turn, @seq) ORDER BY turn DESC, seq DESC LIMIT @limit`,
  ).pluck();
  const sentAfter = all<{ body: string; result: string }>(
    "SELECT body, result FROM outbox WHERE channel = ? AND account = ? AND sequence > ? ORDER BY sequence LIMIT ?",
  );
  const sentLast = all<{ body: string; result: string }>(
    "SELECT body, result FROM outbox WHERE channel = ? AND account = ? AND sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1",
  );
  const letters = (kind: DeadLetterKind, table: string) =>
    `SELECT id, '${kind}' AS kind, channel, account, conversation, attempts, reason, ifnull(detail, '') AS detail, ended_at AS at, body
     FROM ${table} WHERE state = 2`;
  const pageOf = (kind: DeadLetterKind, table: string) =>
    all<DeadLetterRow>(
      `${letters(kind, table)} AND (@reason IS NULL OR reason = @reason) AND (@channel IS NULL OR channel = @channel) AND (@before IS NULL OR id < @before)
       ORDER BY id DESC LIMIT @limit`,
    );
  const deadMessages = pageOf("message", "messages");
  const deadReplies = pageOf("reply", "outbox");
  const deadMessage = all<DeadLetterRow>(`${letters("message", "messages")} AND id = ?`);
  const deadReply = all<DeadLetterRow>(`${letters("reply", "outbox")} AND id = ?`);
  const audit = all<AuditEntry>("SELECT at, actor, action, target, result, reason FROM audit ORDER BY seq DESC");
  const kv = all<{ key: string; value: string; version: number; expiresAt: number | null }>(
    "SELECT key, value, version, expires_at AS expiresAt FROM kv WHERE namespace = ? AND key >= ? ORDER BY key",
  );

  function toTrace(row: TraceRow): Trace {
    return {
      ...row,
      state: MESSAGE_STATES[row.state]!,
      steps: row.steps === null ? [] : (JSON.parse(row.steps) as TraceStep[]),
      replies: repliesOf.all(row.id).map(({ result, ...reply }) => ({
        ...reply,
        state: REPLY_STATES[reply.state]!,
        platformId: result === null ? null : ((JSON.parse(result) as SendResult).platformId ?? null),
      })),
    };
  }

  return {
    trace(id: string): Trace | null {
      const row = traceById.get(id) ?? traceByPlatformId.get(id);
      return row === undefined ? null : toTrace(row);
    },

    traces(since: number, conversation: string | null, channel: string | null, limit: number): Trace[] {
      const rows = conversation === null ? tracesOfAll.iterate() : tracesOfConversation.iterate(conversation);
      const chosen: TraceRow[] = [];
      for (const row of rows) {
        if (row.receivedAt < since || chosen.length === limit) break;
        if (channel === null || row.channel === channel) chosen.push(row);
      }
      return chosen.map(toTrace);
    },

    /** Bodies, newest first. */
    history(conversation: string, limit: number, before: string | null): string[] {
      const place = before === null ? { turn: Number.MAX_SAFE_INTEGER, seq: 0 } : (placeOfMessage.get(before) ?? placeOfReply.get(before));
      return place === undefined ? [] : history.all({ conversation, ...place, limit });
    },

    sent(channel: string, account: string, after: number, limit: number): { body: string; result: string }[] {
      return after === -1 ? sentLast.all(channel, account) : sentAfter.all(channel, account, after, limit);
    },

    deadLetters(reason: string | null, channel: string | null, before: string | null, limit: number): DeadLetter[] {
      const query = { reason, channel, before, limit };
      const both = [...deadMessages.all(query), ...deadReplies.all(query)];
      return both
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, limit)
        .map(({ body: _, ...letter }) => letter);
    },

    deadLetter(id: string): { letter: DeadLetter; body: string } | null {
      const row = deadMessage.get(id) ?? deadReply.get(id);
      if (row === undefined) return null;
      const { body, ...letter } = row;
      return { letter, body };
    },

    auditEntries(since: number, limit: number): AuditEntry[] {
      const entries: AuditEntry[] = [];
      for (const entry of audit.iterate()) {
        if (entry.at < since || entries.length === limit) break;
        entries.push(entry);
      }
      return entries;
    },

    kvList(namespace: string, prefix: string, limit: number, now: number): { key: string; value: string; version: number }[] {
      const found: { key: string; value: string; version: number }[] = [];
      for (const { expiresAt, ...row } of kv.iterate(namespace, prefix)) {
        if (!row.key.startsWith(prefix) || found.length === limit) break;
        if (expiresAt === null || expiresAt > now) found.push(row);
      }
      return found;
    },
  };
}

type DeadLetterRow = DeadLetter & { body: string };

interface Place {
  turn: number;
  seq: number;
}
