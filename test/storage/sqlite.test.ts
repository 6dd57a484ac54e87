import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/clock.ts";
import { conversationKey } from "../../src/message.ts";
import { createSqliteStorage } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { textMessage } from "../../src/testing/messages.ts";
import { storageConformance } from "../../src/testing/storage-conformance.ts";

const ROOM = conversationKey(textMessage("any"));
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawdbot-storage-"));
  cleanups.push(() => rm(folder, { recursive: true }));
  return folder;
}

async function started(path: string, clock: Clock = fakeClock()): Promise<Storage> {
  const storage = createSqliteStorage({ path, clock });
  cleanups.push(() => storage.stop());
  await storage.start();
  return storage;
}

/** What another process says that runs a piece of code with `Database` and `path` at hand. */
function elsewhere(path: string, code: string): string {
  const script = `import Database from "better-sqlite3"; const path = ${JSON.stringify(path)}; ${code}`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  return (stdout || stderr).trim();
}

storageConformance("sqlite", async (clock) => {
  const path = join(await newFolder(), "clawdbot.db");
  let storage = await started(path, clock);
  return {
    storage,
    async reopen() {
      await storage.stop();
      storage = await started(path, clock);
      return storage;
    },
    cleanup: () => storage.stop(),
  };
});

describe("sqlite in particular", () => {
  test("messages that arrive together share a commit", async () => {
    const path = join(await newFolder(), "clawdbot.db");
    const storage = await started(path);
    const before = await commits(path);
    await Promise.all(Array.from({ length: 500 }, () => storage.accept(textMessage("hello"))));
    expect((await commits(path)) - before).toBe(2);
  });

  test("the folder and the files are the owner's alone", async () => {
    const folder = join(await newFolder(), "made", "by it");
    const storage = await started(join(folder, "clawdbot.db"));
    await storage.accept(textMessage("hello"));
    const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
    expect(await mode(folder)).toBe("700");
    for (const suffix of ["", "-wal", "-shm", ".lock"]) expect(await mode(join(folder, `clawdbot.db${suffix}`))).toBe("600");
  });

  test("a path that cannot be used is refused with its reason, and start can be tried again", async () => {
    const folder = await newFolder();
    await writeFile(join(folder, "file"), "");
    const storage = createSqliteStorage({ path: join(folder, "file", "clawdbot.db"), clock: fakeClock() });
    await expect(storage.start()).rejects.toThrow(/cannot use .*clawdbot.db: .*(ENOTDIR|EEXIST)/);
    await rm(join(folder, "file"));
    cleanups.push(() => storage.stop());
    await storage.start();
    expect(await storage.accept(textMessage("hello"))).toBe("accepted");
  });

  test("a file that is no database is refused and left as it is", async () => {
    const path = join(await newFolder(), "clawdbot.db");
    await writeFile(path, "not a database, but long enough to look like one ".repeat(100));
    await expect(createSqliteStorage({ path, clock: fakeClock() }).start()).rejects.toThrow("file is not a database");
    expect(await readFile(path, "utf8")).toMatch(/^not a database/);
  });

  test("a second owner is refused, in this process and in another, and the first one stays the owner", async () => {
    const path = join(await newFolder(), "clawdbot.db");
    const storage = await started(path);
    const lockedElsewhere = () =>
      elsewhere(`${path}.lock`, "new Database(path, { timeout: 0 }).exec('BEGIN EXCLUSIVE'); console.log('taken')");
    await expect(createSqliteStorage({ path, clock: fakeClock() }).start()).rejects.toMatchObject({ code: "CLAWDBOT_ERR_DAEMON_RUNNING" });
    expect(lockedElsewhere()).toContain("SQLITE_BUSY");
    expect(await storage.accept(textMessage("hello"))).toBe("accepted");
    await storage.stop();
    expect(lockedElsewhere()).toBe("taken");
  });

  test("another process can read the database meanwhile", async () => {
    const path = join(await newFolder(), "clawdbot.db");
    const storage = await started(path);
    await storage.accept(textMessage("hello"));
    const count = () =>
      elsewhere(path, "console.log(new Database(path, { readonly: true }).prepare('SELECT count(*) n FROM messages').get().n)");
    expect(count()).toBe("1");
    await storage.accept(textMessage("hello"));
    expect(count()).toBe("2");
  });

  test("while another process holds the write lock messages are refused, afterwards taken", { timeout: 30_000 }, async () => {
    const path = join(await newFolder(), "clawdbot.db");
    const storage = await started(path);
    const script = "const db = new Database(process.argv[1]); db.exec('BEGIN IMMEDIATE'); console.log('held'); process.stdin.resume()";
    const holder = spawn(process.execPath, ["--input-type=module", "--eval", `import Database from "better-sqlite3"; ${script}`, path]);
    await once(holder.stdout, "data");
    await expect(storage.accept(textMessage("hello"))).rejects.toMatchObject({ code: "CLAWDBOT_ERR_STORAGE", retryable: true });
    holder.kill("SIGKILL");
    await once(holder, "exit");
    expect(await storage.accept(textMessage("hello"))).toBe("accepted");
  });

  test("more unfinished work than memory is meant for is read from the database, in order", async () => {
    const storage = await started(join(await newFolder(), "clawdbot.db"));
    const filling = "x".repeat(2 * 1024 * 1024);
    for (let n = 0; n < 12; n++) await storage.accept(textMessage("big", { id: `big-${n}`, raw: filling }));
    const ids = async (limit: number) => (await storage.pendingMessages(ROOM, limit)).map(({ message }) => message.id);
    const all = Array.from({ length: 12 }, (_, n) => `big-${n}`);
    expect(await ids(100)).toEqual(all);
    const end = { outcome: "silent" as const, reason: "r", replies: [], steps: [], attempts: 1, at: 0 };
    for (const id of all.slice(0, 10)) {
      expect((await ids(1))[0]).toBe(id);
      await storage.finishMessage(id, end);
    }
    expect(await ids(100)).toEqual(all.slice(10));
  });

  test("what was confirmed before a SIGKILL is there afterwards, in order and without gaps", { timeout: 60_000 }, async () => {
    const path = join(await newFolder(), "clawdbot.db");
    let stored = 0;
    for (const lines of [200, 400, 600]) {
      const child = spawn(process.execPath, [join(import.meta.dirname, "accept-forever.ts"), path, `${stored}`]);
      const confirmed: number[] = [];
      for await (const line of createInterface(child.stdout)) {
        if (confirmed.push(Number(line)) === lines) child.kill("SIGKILL");
      }
      const storage = await started(path);
      const pending = await storage.pendingMessages(ROOM, Number.MAX_SAFE_INTEGER);
      await storage.stop();
      stored = pending.length;
      expect(pending.map(({ message }) => message.text)).toEqual(Array.from({ length: stored }, (_, n) => `${n}`));
      expect(confirmed.length).toBeGreaterThanOrEqual(lines);
      expect(Math.max(...confirmed)).toBeLessThan(stored);
    }
  });
});

/** Commits in the write-ahead log: https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
async function commits(path: string): Promise<number> {
  const log = await readFile(`${path}-wal`);
  const frame = log.readUInt32BE(8) + 24;
  let found = 0;
  for (let at = 32; at + frame <= log.length && log.subarray(at + 8, at + 16).equals(log.subarray(16, 24)); at += frame) {
    if (log.readUInt32BE(at + 4) !== 0) found++;
  }
  return found;
}
