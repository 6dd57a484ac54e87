import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { until } from "../../src/testing/until.ts";
import { isIdle, settle } from "../chaos/settle.ts";
import { createStage, type Stage } from "../chaos/stage.ts";
import { createUser } from "../chaos/user.ts";
import { needs } from "../setup/needs.ts";

const CHANNEL = "wecom";
const MESSAGES = 2;
const NTH = ["first", "second", "third", "fourth"];

/** Something happens at the n-th sync of a thread: strace's syntax, https://man7.org/linux/man-pages/man1/strace.1.html */
function atSync(n: number, what: string, { dir }: Stage): string[] {
  const inject = `inject=fsync,fdatasync:${what}:when=${n}`;
  return ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-e", inject, "-o", traceOf(dir)];
}

function traceOf(dir: string): string {
  return join(dir, "trace");
}

test.runIf(needs("strace"))(
  "a crash at any sync, from the making of the database to its closing, loses nothing, and the next start goes on",
  { timeout: 180_000 },
  async () => {
    let n = 1;
    while (await crashesAt(n)) n++;
    expect(n).toBeGreaterThan(2 * MESSAGES);
  },
);

test.runIf(needs("strace")).each(NTH)(
  "what the %s sync after a start failed to keep is not acknowledged, or done again; nothing is lost or answered twice",
  { timeout: 60_000 },
  async (nth) => {
    const n = NTH.indexOf(nth) + 1;
    await onStage(async (stage) => {
      // Makes the database, so that a second start has no syncs of its own.
      await stage.start().ready;
      await stage.stop();
      await stage.start({ under: atSync(n, "error=EIO", stage) }).ready;
      await writeAll(stage);
      const { verdict, problems } = await settle(stage);
      expect(await readFile(traceOf(stage.dir), "utf8")).toContain("EIO (Input/output error) (INJECTED)");
      expect(problems).toEqual([]);
      expect(verdict).toMatchObject({ acked: MESSAGES, duplicates: 0, suppressed: 0 });
    });
  },
);

/** Plays the same scene with a SIGKILL at the n-th sync; false when there are not so many. */
function crashesAt(n: number): Promise<boolean> {
  return onStage(async (stage) => {
    const daemon = stage.start({ under: atSync(n, "signal=SIGKILL", stage), mayCrash: true });
    const writing = writeAll(stage);
    const done = writing.then(() => until("all answers", () => isIdle(stage)));
    await Promise.race([daemon.exited, done]);
    daemon.signal("SIGTERM");
    if ((await daemon.exited).signal !== "SIGKILL") return false;

    await stage.crash();
    await stage.start().ready;
    await done;
    const { verdict, problems } = await settle(stage);
    expect(problems, `sync ${n}`).toEqual([]);
    expect(verdict).toMatchObject({ acked: MESSAGES, duplicates: 0 });
    return true;
  });
}

async function writeAll(stage: Stage): Promise<void> {
  const user = createUser(stage, CHANNEL, 1);
  for (let n = 0; n < MESSAGES; n++) await user.write();
}

async function onStage<T>(run: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await createStage({ channels: [CHANNEL] });
  try {
    return await run(stage);
  } finally {
    await stage.close();
  }
}
