import { execFileSync } from "node:child_process";
import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import threads, { type Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { conversationKey } from "../../src/message.ts";
import { createSqliteStorage } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { textMessage } from "../../src/testing/messages.ts";
import { until } from "../../src/testing/until.ts";
import { needs } from "../setup/needs.ts";

const ROOM = conversationKey(textMessage("any"));
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawdbot-storage-"));
  cleanups.push(() => rm(folder, { recursive: true }));
  return folder;
}

async function ids(storage: Storage): Promise<string[]> {
  return (await storage.pendingMessages(ROOM, Number.MAX_SAFE_INTEGER)).map(({ message }) => message.id);
}

test.runIf(needs("tmpfs"))(
  "a full disk rejects writes with CLAWDBOT_ERR_STORAGE_FULL, loses nothing, and is forgotten once there is space",
  async () => {
    const folder = await newFolder();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]);
    cleanups.push(() => execFileSync("umount", ["--lazy", folder]));
    const path = join(folder, "clawdbot.db");
    const storage = createSqliteStorage({ path, clock: fakeClock() });
    cleanups.push(() => storage.stop());
    await storage.start();
    const kept = Array.from({ length: 50 }, () => textMessage("hello"));
    for (const message of kept) await storage.accept(message);

    const filler = join(folder, "filler");
    await fill(filler);
    const raw = "x".repeat(64 * 1024);
    const refused = Array.from({ length: 20 }, () => textMessage("too much", { raw }));
    const results = await Promise.allSettled(refused.map((message) => storage.accept(message)));
    expect(results.map((result) => (result.status === "rejected" ? result.reason.code : result.value))).toEqual(
      refused.map(() => "CLAWDBOT_ERR_STORAGE_FULL"),
    );
    await expect(storage.probe()).rejects.toMatchObject({ code: "CLAWDBOT_ERR_STORAGE_FULL", retryable: true });
    expect(await ids(storage)).toEqual(kept.map(({ id }) => id));
    expect(await storage.kvGet("space", "key")).toBeNull();
    expect(await storage.trace(kept[0]!.id)).toMatchObject({ state: "pending" });

    await rm(filler);
    await storage.probe();
    expect(await Promise.all(refused.map((message) => storage.accept(message)))).toEqual(refused.map(() => "accepted"));
    await storage.stop();
    await storage.start();
    expect(await ids(storage)).toEqual([...kept, ...refused].map(({ id }) => id));
  },
);

test("a storage thread that dies rejects what it had, and another one takes over with what was confirmed", async () => {
  const workers = watchWorkers();
  const clock = fakeClock();
  const storage = createSqliteStorage({ path: join(await newFolder(), "clawdbot.db"), clock });
  cleanups.push(() => storage.stop());
  await storage.start();
  const kept = Array.from({ length: 5 }, () => textMessage("hello"));
  for (const message of kept) await storage.accept(message);

  const lost = Array.from({ length: 1000 }, () => textMessage("hello"));
  const accepting = Promise.allSettled(lost.map((message) => storage.accept(message)));
  await workers.at(-1)!.terminate();
  const results = await accepting;
  expect(results.at(-1)).toMatchObject({ status: "rejected", reason: { code: "CLAWDBOT_ERR_STORAGE", retryable: true } });
  await expect(storage.pendingMessages(ROOM, 1)).rejects.toMatchObject({ code: "CLAWDBOT_ERR_STORAGE" });

  await clock.advance(100);
  await until("the new thread", () =>
    storage.probe().then(
      () => true,
      () => false,
    ),
  );
  const confirmed = lost.filter((_, n) => results[n]!.status === "fulfilled").map(({ id }) => id);
  const held = await ids(storage);
  expect(held.slice(0, 5 + confirmed.length)).toEqual([...kept.map(({ id }) => id), ...confirmed]);
  await storage.stop();
  await storage.start();
  expect(await ids(storage)).toEqual(held);
});

test("stop ends the wait for a new thread", async () => {
  const workers = watchWorkers();
  const clock = fakeClock();
  const storage = createSqliteStorage({ path: join(await newFolder(), "clawdbot.db"), clock });
  await storage.start();
  await workers.at(-1)!.terminate();
  await until("the restart to be planned", () => clock.pendingTimers === 1);
  await storage.stop();
  expect(clock.pendingTimers).toBe(0);
  await storage.start();
  await storage.probe();
  await storage.stop();
});

test("stop leaves one file and no log behind", async () => {
  const folder = await newFolder();
  const storage = createSqliteStorage({ path: join(folder, "clawdbot.db"), clock: fakeClock() });
  await storage.start();
  await storage.accept(textMessage("hello"));
  await storage.trace("nobody");
  await storage.stop();
  expect((await readdir(folder)).sort()).toEqual(["clawdbot.db", "clawdbot.db.lock"]);
});

/** The worker threads that are made from now on, to end them as a crash would. */
function watchWorkers(): Worker[] {
  const made: Worker[] = [];
  const original = threads.Worker;
  threads.Worker = class extends original {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      made.push(this);
    }
  };
  syncBuiltinESMExports();
  cleanups.push(() => {
    threads.Worker = original;
    syncBuiltinESMExports();
  });
  return made;
}

/** Writes until there is no room left, to the last byte. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "w");
  try {
    for (let size = 1 << 20; size > 0; ) {
      const { bytesWritten } = await file.write(Buffer.alloc(size)).catch(() => ({ bytesWritten: 0 }));
      if (bytesWritten < size) size >>= 1;
    }
  } finally {
    await file.close();
  }
}
