import { chmodSync } from "node:fs";
import Database from "better-sqlite3";
import { ClawdbotError, errorCode } from "../errors.ts";

/**
 * Makes this process the only owner of a database until the returned function is called or the process ends, however it ends: the
 * lock is the operating system's, on a file of its own, so that other programs can still read the database. Throws
 * CLAWDBOT_ERR_DAEMON_RUNNING when it is taken. Nothing else in this process may open or close that file: by POSIX that drops the
 * lock (https://www.sqlite.org/howtocorrupt.html section 2.2).
 */
export function takeOwnership(path: string): () => void {
  const file = `${path}.lock`;
  const lock = new Database(file, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    chmodSync(file, 0o600);
  } catch (error) {
    lock.close();
    if (errorCode(error) !== "SQLITE_BUSY") throw error;
    throw new ClawdbotError("CLAWDBOT_ERR_DAEMON_RUNNING", `another daemon uses ${path}`);
  }
  return () => lock.close();
}
