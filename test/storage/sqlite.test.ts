import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSqliteStorage } from "../../src/storage/sqlite.ts";
import { storageConformance } from "../../src/testing/storage-conformance.ts";

storageConformance("sqlite", async (clock) => {
  const folder = await mkdtemp(join(tmpdir(), "clawdbot-storage-"));
  const open = async () => {
    const storage = createSqliteStorage({ path: join(folder, "clawdbot.db"), clock });
    await storage.start();
    return storage;
  };
  let storage = await open();
  return {
    storage,
    async reopen() {
      await storage.stop();
      storage = await open();
      return storage;
    },
    async cleanup() {
      await storage.stop();
      await rm(folder, { recursive: true });
    },
  };
});
