import { join } from "node:path";
import Database from "better-sqlite3";
import { systemClock } from "../../src/clock.ts";
import { createSqliteStorage } from "../../src/storage/sqlite.ts";

/** What is wrong with the store of a daemon that has ended: damage, or work that it should have done; empty when nothing is. */
export async function inspectStore(dir: string): Promise<string[]> {
  const path = join(dir, "data", "clawdbot.db");
  const database = new Database(path);
  const damage = database.pragma("integrity_check", { simple: true });
  database.close();
  if (damage !== "ok") return [`integrity_check: ${damage}`];

  const storage = createSqliteStorage({ path, clock: systemClock });
  await storage.start();
  const { inbox, outbox, deadLetters } = await storage.counts();
  await storage.stop();
  const left = inbox + outbox + deadLetters;
  return left === 0 ? [] : [`left over: ${inbox} messages, ${outbox} replies, ${deadLetters} dead letters`];
}
