import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, expect, test } from "vitest";
import { migrate, migrations } from "../../src/storage/migrations.ts";
import { createSqliteStorage } from "../../src/storage/sqlite.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function newPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawdbot-migrations-"));
  folders.push(folder);
  return join(folder, "clawdbot.db");
}

const version = (db: Database.Database) => db.pragma("user_version", { simple: true });
const tables = (db: Database.Database) =>
  db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 't%'").pluck().all();

test("a database from a newer version is refused, says so, and is left as it is", async () => {
  const path = await newPath();
  const db = new Database(path);
  db.pragma(`user_version = ${migrations.length + 1}`);
  db.close();
  const storage = createSqliteStorage({ path, clock: fakeClock() });
  await expect(storage.start()).rejects.toMatchObject({
    code: "CLAWDBOT_ERR_STORAGE",
    retryable: false,
    message: expect.stringContaining("written by a newer version"),
  });
  const after = new Database(path);
  expect(version(after)).toBe(migrations.length + 1);
  expect(after.prepare("SELECT count(*) FROM sqlite_schema").pluck().get()).toBe(0);
  after.close();
});

test("a migration that breaks off leaves the step before it, and the next start goes on from there", async () => {
  const db = new Database(await newPath());
  const steps = ["CREATE TABLE t1 (a)", "CREATE TABLE t2 (a)", "CREATE TABLE t3 (a); INSERT INTO t3 VALUES (1)"];
  expect(() => migrate(db, [steps[0]!, "CREATE TABLE t2 (a); INSERT INTO nowhere VALUES (1)", steps[2]!])).toThrow(
    "no such table: nowhere",
  );
  expect(version(db)).toBe(1);
  expect(tables(db)).toEqual(["t1"]);
  migrate(db, steps);
  expect(version(db)).toBe(3);
  expect(tables(db)).toEqual(["t1", "t2", "t3"]);
  migrate(db, steps);
  expect(db.prepare("SELECT count(*) FROM t3").pluck().get()).toBe(1);
  db.close();
});
