/**
 * The thread that owns a connection to the database. As "writer" it runs each batch of operations in one transaction and answers
 * after its COMMIT, which is an fsync; as "reader" it answers queries one by one. It keeps no state that the database does not have.
 */
import { chmodSync, existsSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { errorText } from "../errors.ts";
import { migrate } from "./migrations.ts";
import { createReads } from "./sqlite-reads.ts";
import { createWrites, type UnfinishedTuple } from "./sqlite-writes.ts";

export interface WorkerData {
  path: string;
  role: "writer" | "reader";
}

/** An operation's name, then its arguments. */
export type Operation = [name: string, ...args: unknown[]];

/** Why an operation was not done. "invalid": it can never be done; else the disk is to blame. */
export type Refusal = [kind: "full" | "failed" | "invalid", message: string];

export interface Answer {
  results: unknown[];
  /** By index, where there is no result. */
  refusals: Map<number, Refusal> | undefined;
}

/** The first thing that the thread says. The rows are those that earlier runs left unfinished, in order. */
export type Opening = { ready: { inbox: UnfinishedTuple[]; outbox: UnfinishedTuple[]; deadLetters: number } | null } | { refused: string };

type Run = (...args: unknown[]) => unknown;

/** Operations of the writer that only read: a full disk is no reason to refuse them. */
const READS = new Set(["bodies", "kvGet"]);

const { path, role } = workerData as WorkerData;
const port = parentPort!;

try {
  port.postMessage(role === "writer" ? startWriter() : startReader());
} catch (error) {
  port.postMessage({ refused: errorText(error) } satisfies Opening);
  port.close();
}

function startWriter(): Opening {
  const isNew = !existsSync(path);
  const db = new Database(path, { timeout: 2000 });
  // What is made beside it (-wal, -shm) takes its mode from it.
  if (isNew) chmodSync(path, 0o600);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.pragma("cache_size = -16000");
  db.pragma("temp_store = MEMORY");
  // 4 MiB: rarer checkpoints write hot pages less often, but the log itself must not be what fills a small disk.
  db.pragma("wal_autocheckpoint = 1000");
  db.pragma(`journal_size_limit = ${8 * 1024 * 1024}`);
  migrate(db);

  const writes = createWrites(db) as unknown as Record<string, Run>;
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");

  function transact(batch: Operation[]): unknown[] {
    try {
      begin.run();
      const results = batch.map(([name, ...args]) => writes[name]!(...args));
      commit.run();
      return results;
    } catch (error) {
      // A failed COMMIT may leave the transaction open. Should this fail too, the thread dies of it and is started again.
      if (db.inTransaction) rollback.run();
      throw error;
    }
  }

  function answer(batch: Operation[]): Answer {
    try {
      return { results: transact(batch), refusals: undefined };
    } catch (error) {
      const refusal = refusalOf(error);
      if (batch.length === 1) return { results: [undefined], refusals: new Map([[0, refusal]]) };
      const alone = (operation: Operation) => refusal[0] === "invalid" || READS.has(operation[0]);
      return separately(batch, (operation) => (alone(operation) ? answer([operation]) : refuse(refusal)));
    }
  }

  serve(answer, () => {
    try {
      db.pragma("wal_checkpoint(TRUNCATE)");
    } finally {
      db.close();
    }
  });
  const rows = (sql: string) => db.prepare<[], UnfinishedTuple>(sql).raw().all();
  return {
    ready: {
      inbox: rows("SELECT seq, id, conversation, received_at, attempts, not_before, 0 FROM messages WHERE state = 0 ORDER BY seq"),
      outbox: rows("SELECT seq, id, conversation, created_at, attempts, not_before, 1 FROM outbox WHERE state = 0 ORDER BY seq"),
      deadLetters: db
        .prepare<[], number>("SELECT (SELECT count(*) FROM messages WHERE state = 2) + (SELECT count(*) FROM outbox WHERE state = 2)")
        .pluck()
        .get()!,
    },
  };
}

function startReader(): Opening {
  const db = new Database(path, { readonly: true, timeout: 2000 });
  db.pragma("cache_size = -4000");
  const reads = createReads(db) as unknown as Record<string, Run>;
  const answer = ([name, ...args]: Operation): Answer => {
    try {
      return { results: [reads[name]!(...args)], refusals: undefined };
    } catch (error) {
      return refuse(refusalOf(error));
    }
  };
  serve(
    (batch) => separately(batch, answer),
    () => db.close(),
  );
  return { ready: null };
}

function serve(answer: (batch: Operation[]) => Answer, close: () => void): void {
  port.on("message", (batch: Operation[] | "close") => {
    if (batch !== "close") return port.postMessage(answer(batch));
    port.close();
    close();
  });
}

function separately(batch: Operation[], run: (operation: Operation) => Answer): Answer {
  const refusals = new Map<number, Refusal>();
  const results = batch.map((operation, index) => {
    const answer = run(operation);
    const refusal = answer.refusals?.get(0);
    if (refusal) refusals.set(index, refusal);
    return answer.results[0];
  });
  return { results, refusals };
}

function refuse(refusal: Refusal): Answer {
  return { results: [undefined], refusals: new Map([[0, refusal]]) };
}

/** https://www.sqlite.org/rescode.html: these few blame the operation, all others the disk, the file or another process. */
function refusalOf(error: unknown): Refusal {
  const code = error instanceof Database.SqliteError ? error.code : "";
  if (code === "SQLITE_FULL") return ["full", "the disk is full"];
  if (code === "" || /^SQLITE_(CONSTRAINT|ERROR|MISMATCH|RANGE|TOOBIG)/.test(code)) return ["invalid", errorText(error)];
  return ["failed", `${code}: ${errorText(error)}`];
}
