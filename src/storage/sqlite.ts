import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { SendResult } from "../adapter.ts";
import type { Clock } from "../clock.ts";
import { ClawdbotError, errorText, StorageError } from "../errors.ts";
import { conversationKey, type Message, type Reply } from "../message.ts";
import type { Logger } from "../skill.ts";
import { takeOwnership } from "./sqlite-lock.ts";
import type { Prunable } from "./sqlite-prune.ts";
import type { Reads } from "./sqlite-reads.ts";
import { createSqliteThread } from "./sqlite-thread.ts";
import type { ReplyRow, UnfinishedTuple, Writes } from "./sqlite-writes.ts";
import type { PendingMessage, PendingReply, Storage } from "./storage.ts";
import { createUnfinished, type Unfinished, type UnfinishedRow } from "./unfinished.ts";

export interface SqliteOptions {
  /** The database file; -wal, -shm and .lock lie beside it. Its folder is made when it is missing. */
  path: string;
  clock: Clock;
  /** performance.batch: the most operations of one transaction, and how long (ms) to gather them; 0 = only while the disk is busy. */
  batch?: { size: number; interval: number };
  log?: Logger;
}

/** Characters of unfinished messages, and again of replies, that are kept in memory; beyond it they are read from the database. */
const BUDGET = 16 * 1024 * 1024;

/** Bodies that are read from the database at a time when a conversation is looked at: those that the next looks will ask for. */
const READ_AHEAD = 16;

/**
 * The embedded store: one SQLite file, written by one thread in group commits, so that a slow disk never stops the event loop.
 * What is unfinished is also held in memory: reading it costs no disk and no thread. Only one process may own the file at a time
 * (start rejects with CLAWDBOT_ERR_DAEMON_RUNNING), others may read it. The file must not be on a network file system.
 */
export function createSqliteStorage(options: SqliteOptions): Storage {
  const { path, clock, log, batch = { size: 256, interval: 0 } } = options;
  const inbox = createUnfinished(BUDGET);
  const outbox = createUnfinished(BUDGET);
  let dead = 0;
  let release: (() => void) | undefined;
  let lifecycle: Promise<void> = Promise.resolve();

  const writer = createSqliteThread<Writes>({
    path,
    role: "writer",
    clock,
    batch,
    log,
    opened(ready) {
      inbox.reset(ready!.inbox.map(toRow));
      outbox.reset(ready!.outbox.map(toRow));
      dead = ready!.deadLetters;
    },
  });
  const reader = createSqliteThread<Reads>({ path, role: "reader", clock, batch: { size: 1, interval: 0 }, log });
  let readerStart: Promise<void> | undefined;

  async function read<Name extends keyof Reads>(name: Name, ...args: Parameters<Reads[Name]>): Promise<ReturnType<Reads[Name]>> {
    if (!writer.running) throw new StorageError("the store is not running");
    readerStart ??= reader.start();
    try {
      await readerStart;
    } catch (error) {
      readerStart = undefined;
      throw error;
    }
    return reader.call(name, args);
  }

  async function open(): Promise<void> {
    if (release) return;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      release = takeOwnership(path);
      await writer.start();
    } catch (error) {
      release?.();
      release = undefined;
      if (error instanceof ClawdbotError) throw error;
      throw new ClawdbotError("CLAWDBOT_ERR_STORAGE", `cannot use ${path}: ${errorText(error)}`, { cause: error });
    }
  }

  async function close(): Promise<void> {
    if (!release) return;
    await reader.stop();
    readerStart = undefined;
    await writer.stop();
    release();
    release = undefined;
  }

  function next(step: () => Promise<void>): Promise<void> {
    lifecycle = lifecycle.catch(() => {}).then(step);
    return lifecycle;
  }

  /** The first unfinished rows of a conversation with their bodies. */
  function pending<Row>(
    rows: Unfinished,
    table: "messages" | "outbox",
    conversation: string,
    limit: number,
    parse: (row: UnfinishedRow, body: string) => Row,
  ): Promise<Row[]> {
    if (!writer.running) return Promise.reject(new StorageError("the store is not running"));
    const first = rows.first(conversation, limit);
    if (first.every((row) => row.body !== undefined)) return Promise.resolve(first.map((row) => parse(row, row.body!)));
    const wanted = rows.first(conversation, Math.max(limit, READ_AHEAD)).filter((row) => row.body === undefined);
    return writer.call("bodies", [table, wanted.map((row) => row.seq)], (bodies) => {
      const found = new Map(wanted.map((row, index) => [row, bodies[index]]));
      const answer: Row[] = [];
      for (const row of first) {
        const body = row.body ?? found.get(row);
        if (rows.holds(row) && body !== undefined) answer.push(parse(row, body));
      }
      for (const [row, body] of found) if (rows.holds(row) && body !== undefined) rows.keep(row, body);
      return answer;
    });
  }

  function added(replies: ReplyRow[], firstSeq: number): void {
    for (const [index, [id, , , conversation, , at, body]] of replies.entries()) {
      outbox.add({ seq: firstSeq + index, id, conversation, at, attempts: 0, notBefore: 0, maybeSent: false, body });
    }
  }

  return {
    start: () => next(open),
    stop: () => next(close),

    async probe() {
      await writer.call("probe", [clock.now()]);
    },

    async prune(before) {
      let total = 0;
      const tables: [Prunable, number][] = [
        ["messages", before],
        ["outbox", before],
        ["audit", before],
        ["kv", clock.now()],
      ];
      for (const [table, limit] of tables) {
        for (let after: number | null = 0; after !== null; ) {
          const step: { removed: number; next: number | null } = await writer.call("prune", [table, after, limit]);
          total += step.removed;
          after = step.next;
        }
      }
      return total;
    },

    async accept(message) {
      const { id, channel, account, platformId, sender, receivedAt } = message;
      const conversation = conversationKey(message);
      const body = json(message);
      return writer.call("accept", [id, channel, account, platformId, conversation, sender.id, receivedAt, body], (seq) => {
        if (seq === 0) return "duplicate";
        inbox.add({ seq, id, conversation, at: receivedAt, attempts: 0, notBefore: 0, maybeSent: false, body });
        return "accepted";
      });
    },

    pendingMessages: (conversation, limit) =>
      pending<PendingMessage>(inbox, "messages", conversation, limit, ({ attempts, notBefore }, body) => ({
        message: JSON.parse(body) as Message,
        attempts,
        notBefore,
      })),

    async finishMessage(id, { outcome, reason, detail = null, skill = null, steps, attempts, at, replies }) {
      const rows = replies.map(toReplyRow);
      await writer.call("finishMessage", [id, outcome, reason, detail, skill, json(steps), attempts, at, rows], (seq) => {
        inbox.remove(id);
        if (seq === 0) return;
        added(rows, seq);
        if (outcome === "dead") dead++;
      });
    },

    async retryMessage(id, failure) {
      await writer.call("retryMessage", [id, failure.attempts, failure.notBefore, failure.reason, failure.detail], (changed) => {
        if (changed) inbox.retry(id, failure);
      });
    },

    async addReplies(replies) {
      const rows = replies.map(toReplyRow);
      await writer.call("addReplies", [rows], (seq) => added(rows, seq));
    },

    pendingReplies: (conversation, limit) =>
      pending<PendingReply>(outbox, "outbox", conversation, limit, ({ attempts, notBefore, maybeSent }, body) => ({
        reply: JSON.parse(body) as Reply,
        attempts,
        notBefore,
        maybeSent,
      })),

    async finishReply(id, { at, attempts, result }) {
      await writer.call("finishReply", [id, attempts, at, result.sequence ?? null, json(result)], () => outbox.remove(id));
    },

    async retryReply(id, failure) {
      const { attempts, notBefore, reason, detail, maybeSent = false } = failure;
      await writer.call("retryReply", [id, attempts, notBefore, reason, detail, maybeSent ? 1 : 0], (changed) => {
        if (changed) outbox.retry(id, failure);
      });
    },

    async buryReply(id, { attempts, at, reason, detail, maybeSent = false }) {
      await writer.call("buryReply", [id, attempts, at, reason, detail, maybeSent ? 1 : 0], (changed) => {
        outbox.remove(id);
        if (changed) dead++;
      });
    },

    async deadLetters({ reason = null, channel = null, before = null, limit }) {
      return read("deadLetters", reason, channel, before, limit);
    },

    async deadLetter(id) {
      const found = await read("deadLetter", id);
      return found && { letter: found.letter, content: JSON.parse(found.body) as Message | Reply };
    },

    async replay(id) {
      return writer.call("replay", [id], (found) => {
        if (found === null) return null;
        const row = toRow(found.row);
        (found.kind === "message" ? inbox : outbox).add(row);
        dead--;
        return row.conversation;
      });
    },

    async purge({ id = null, reason = null, before = null }) {
      let total = 0;
      for (let removed = 1; removed > 0; total += removed) {
        removed = await writer.call("purge", [id, reason, before], (count) => {
          dead -= count;
          return count;
        });
      }
      return total;
    },

    async counts() {
      return { inbox: inbox.size, outbox: outbox.size, deadLetters: dead, oldest: inbox.oldest() };
    },

    async unfinished() {
      return { inbox: inbox.due(), outbox: outbox.due() };
    },

    trace: (id) => read("trace", id),

    traces: ({ since = 0, conversation = null, channel = null, limit }) => read("traces", since, conversation, channel, limit),

    async history(conversation, { limit, before = null }) {
      const newestFirst = await read("history", conversation, limit, before);
      return newestFirst.map((body) => JSON.parse(body) as Message | Reply).reverse();
    },

    async sent(channel, account, after, limit) {
      const rows = await read("sent", channel, account, after, limit);
      return rows.map(({ body, result }) => ({ reply: JSON.parse(body) as Reply, result: JSON.parse(result) as SendResult }));
    },

    async audit({ at, actor, action, target, result, reason }) {
      await writer.call("audit", [at, actor, action, target, result, reason]);
    },

    auditEntries: ({ since = 0, limit }) => read("auditEntries", since, limit),

    async kvGet(namespace, key) {
      const row = await writer.call("kvGet", [namespace, key, clock.now()]);
      return row && { value: JSON.parse(row.value) as unknown, version: row.version };
    },

    async kvSet(namespace, key, value, options = {}) {
      const { ifVersion = null, expiresAt = null } = options;
      return writer.call("kvSet", [namespace, key, json(value), ifVersion, expiresAt, clock.now()]);
    },

    async kvDelete(namespace, key) {
      await writer.call("kvDelete", [namespace, key]);
    },

    async kvList(namespace, prefix, limit) {
      const rows = await read("kvList", namespace, prefix, limit, clock.now());
      return rows.map(({ key, value, version }) => ({ key, value: JSON.parse(value) as unknown, version }));
    },
  };
}

function toRow([seq, id, conversation, at, attempts, notBefore, maybeSent]: UnfinishedTuple): UnfinishedRow {
  return { seq, id, conversation, at, attempts, notBefore, maybeSent: maybeSent === 1, body: undefined };
}

function toReplyRow(reply: Reply): ReplyRow {
  return [reply.id, reply.channel, reply.account, conversationKey(reply), reply.messageId ?? null, reply.createdAt, json(reply)];
}

function json(value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text === undefined) throw new ClawdbotError("CLAWDBOT_ERR_INVALID", "not stored: the value is not JSON", { cause });
  return text;
}
