import type { Database } from "better-sqlite3";
import { ClawdbotError } from "../errors.ts";

/**
 * The schema, one step per version. A step that was released is never changed: what differs is a further step.
 *
 * state: 0 unfinished, 1 done (sent), 2 dead letter. seq is the order of arrival, counted over messages and outbox together.
 * Only what is looked for has an index, for each costs every message a page write: the partial ones hold the few rows that they
 * name, and platform_id stands first in its key because traces are looked up by it.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    platform_id TEXT NOT NULL,
    conversation TEXT NOT NULL,
    sender TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    duplicates INTEGER NOT NULL DEFAULT 0,
    ended_at INTEGER,
    outcome TEXT,
    reason TEXT,
    detail TEXT,
    skill TEXT,
    steps TEXT,
    body TEXT NOT NULL,
    UNIQUE (platform_id, channel, account)
  );
  CREATE INDEX messages_unfinished ON messages (seq) WHERE state = 0;
  CREATE INDEX messages_dead ON messages (id) WHERE state = 2;
  CREATE INDEX messages_conversation ON messages (conversation, seq);

  CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    conversation TEXT NOT NULL,
    message_id TEXT,
    created_at INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    maybe_sent INTEGER NOT NULL DEFAULT 0,
    ended_at INTEGER,
    reason TEXT,
    detail TEXT,
    sequence INTEGER,
    result TEXT,
    body TEXT NOT NULL
  );
  CREATE INDEX outbox_unfinished ON outbox (seq) WHERE state = 0;
  CREATE INDEX outbox_dead ON outbox (id) WHERE state = 2;
  CREATE INDEX outbox_message ON outbox (message_id) WHERE message_id IS NOT NULL;
  CREATE INDEX outbox_proactive ON outbox (conversation, seq) WHERE message_id IS NULL;
  CREATE INDEX outbox_sequence ON outbox (channel, account, sequence) WHERE sequence IS NOT NULL;

  CREATE TABLE kv (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    expires_at INTEGER,
    UNIQUE (namespace, key)
  );
  CREATE INDEX kv_expiry ON kv (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    result TEXT NOT NULL,
    reason TEXT NOT NULL
  );

  CREATE TABLE probe (at INTEGER NOT NULL);
  INSERT INTO probe VALUES (0);
  `,
];

/**
 * Brings the database to the newest schema: each step in one transaction with its version number, so that a start that dies
 * in between goes on at the next one. Throws for a database that a newer version of this program has written.
 */
export function migrate(db: Database, steps = migrations): void {
  const version = db.pragma("user_version", { simple: true }) as number;
  if (version > steps.length) {
    throw new ClawdbotError(
      "CLAWDBOT_ERR_STORAGE",
      `the database has schema ${version}, this version knows ${steps.length}: it was written by a newer version; install that one, or restore a backup`,
    );
  }
  const apply = db.transaction((step: number) => {
    db.exec(steps[step]!);
    db.pragma(`user_version = ${step + 1}`);
  });
  for (let step = version; step < steps.length; step++) apply.immediate(step);
}
