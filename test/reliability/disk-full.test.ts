import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { until } from "../../src/testing/until.ts";
import { settle } from "../chaos/settle.ts";
import { createStage, type Stage } from "../chaos/stage.ts";
import { statusOf } from "../chaos/status.ts";
import { createUser } from "../chaos/user.ts";
import { needs } from "../setup/needs.ts";

/** What a daemon can live on: the write-ahead log takes 4 MiB of it between two checkpoints. */
const SIZE = "16m";
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test.runIf(needs("tmpfs"))(
  "a full disk refuses messages aloud and nothing else, and ends with the want of space; nothing acknowledged is lost",
  { timeout: 60_000 },
  async () => {
    const stage = await stageOnSmallDisk();
    await stage.start().ready;
    const { metricsUrl } = await until("the status", () => statusOf(stage.dir));
    const user = createUser(stage, "wecom", 1);
    for (let n = 0; n < 5; n++) await user.write();

    const filler = join(stage.dir, "data", "filler");
    await fill(filler);
    const writing = (async () => {
      for (let n = 0; n < 300; n++) await user.write();
    })();
    const refusal = () => stage.oracle.log.find(({ event }) => event === "refused");
    expect((await until("a refused callback", refusal, 1000)).note).toBe("503");
    await until("/readyz to say so", async () => (await status(`${stage.url}/readyz`)) === 503, 1000);
    expect(await status(`${stage.url}/livez`)).toBe(200);
    expect(await status(metricsUrl!)).toBe(200);
    expect(await statusOf(stage.dir)).toMatchObject({ channels: [{ receiving: true }, { receiving: true }] });

    await rm(filler);
    await until("/readyz to be well again", async () => (await status(`${stage.url}/readyz`)) === 200, 5000);
    await writing;
    const { verdict, problems } = await settle(stage);
    expect(problems).toEqual([]);
    expect(verdict.acked).toBe(305);
    expect(verdict.duplicates + verdict.suppressed).toBe(0);
  },
);

async function stageOnSmallDisk(): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), "clawdbot-disk-"));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  const data = join(dir, "data");
  await mkdir(data);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE},mode=700`, "tmpfs", data]);
  cleanups.push(() => void execFileSync("umount", ["--lazy", data]));
  const stage = await createStage({ channels: ["wecom"], dir });
  cleanups.push(() => stage.close());
  return stage;
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

async function status(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await response.arrayBuffer();
  return response.status;
}
