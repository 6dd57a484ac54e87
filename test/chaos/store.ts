import { join } from "node:path";
import Database from "better-sqlite3";
import { systemClock } from "../../src/clock.ts";
import { createLog } from "../../src/observe/log.ts";
import { createSqliteStorage } from "../../src/storage/sqlite.ts";

/** What is wrong with the store of a daemon that has ended: damage, or work that it should have done; empty when nothing is. */
export async function inspectStore(dir: string): Promise<string[]> {
  const path = join(dir, "data", "clawdbot.db");
  const database = new Database(path);
  const damage = database.pragma("integrity_check", { simple: true });
  database.close();
  const problems = damage === "ok" ? [] : [`integrity_check: ${damage}`];

  const log = createLog({ level: "error", stream: (line) => problems.push(line) });
  const storage = createSqliteStorage({
    path,
    clock: systemClock,
    batch: { enabled: true, size: 50, interval: 100 },
    log: log.logger("store"),
  });
  await storage.start();
  const { inbox, outbox, deadLetters } = await storage.counts();
  await storage.stop();
  if (inbox + outbox + deadLetters > 0) problems.push(`left over: ${inbox} messages, ${outbox} replies, ${deadLetters} dead letters`);
  return problems;
}
