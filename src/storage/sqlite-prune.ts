import type { Database } from "better-sqlite3";

export type Prunable = "messages" | "outbox" | "audit" | "kv";

/** Rows that one step of pruning or purging touches: a few ms, so that an accept behind it does not notice. */
export const STEP = 200;

type PruneStep = (after: number, before: number) => { removed: number; next: number | null };

/**
 * One step over a table, oldest rows first, behind the row `after`; `next` is where the following one goes on, null at the end.
 * It reads no more than STEP rows, and ends at the first row that arrived after `before`: no index is needed for that.
 */
export function createPruning(db: Database): Record<Prunable, PruneStep> {
  return {
    messages: rows(db, "messages", "received_at", "state = 1 AND ended_at < @before"),
    outbox: rows(db, "outbox", "created_at", "state = 1 AND ended_at < @before"),
    audit: rows(db, "audit", "at", "at < @before"),
    kv: expired(db),
  };
}

function rows(db: Database, table: string, arrival: string, forgotten: string): PruneStep {
  const last = db.prepare<[number], { seq: number; at: number }>(
    `SELECT seq, ${arrival} AS at FROM ${table} WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ${STEP - 1}`,
  );
  const remove = db.prepare(`DELETE FROM ${table} WHERE seq > @after AND seq <= @end AND ${forgotten}`);
  return (after, before) => {
    const end = last.get(after);
    const removed = remove.run({ after, end: end?.seq ?? Number.MAX_SAFE_INTEGER, before }).changes;
    return { removed, next: end !== undefined && end.at < before ? end.seq : null };
  };
}

function expired(db: Database): PruneStep {
  const remove = db.prepare(
    `DELETE FROM kv WHERE version IN (SELECT version FROM kv WHERE expires_at < @before AND version > @after LIMIT ${STEP})`,
  );
  return (after, before) => {
    const removed = remove.run({ after, before }).changes;
    return { removed, next: removed === STEP ? after : null };
  };
}
