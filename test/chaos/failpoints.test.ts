import { describe, expect, test } from "vitest";
import type { Failpoint } from "../../src/pipeline/failpoint.ts";
import { until } from "../../src/testing/until.ts";
import { settle } from "./settle.ts";
import { createStage, simulatedChannels } from "./stage.ts";
import { createUser } from "./user.ts";

const FAILPOINTS: Failpoint[] = [
  "after-accept-commit",
  "before-ack",
  "after-run",
  "after-finish-commit",
  "before-send",
  "after-send",
  "after-delivered-commit",
];

/** The deterministic siblings of the random kills: the daemon kills itself at its third pass of each step. */
describe.each(await simulatedChannels())("%s: what was acknowledged is answered once after a crash", (channel) => {
  test.each(FAILPOINTS)("%s", { timeout: 60_000 }, async (failpoint) => {
    const stage = await createStage({ channels: [channel] });
    try {
      const user = createUser(stage, channel, 1);
      stage.start({ failpoint: `${failpoint}:3` });
      const writing = (async () => {
        for (let n = 0; n < 6; n++) await user.write();
      })();
      writing.catch(() => {});
      await stage.crash();
      await stage.start().ready;
      await writing;

      const { verdict, problems } = await settle(stage);
      expect(problems).toEqual([]);
      expect(verdict).toMatchObject({ acked: 6, kills: 1 });
      // Nobody can know whether the one send arrived that was in flight. No other one is made again.
      expect(verdict.duplicates + verdict.suppressed).toBeLessThanOrEqual(1);
    } finally {
      await stage.close();
    }
  });
});

test("wecom: the platform hides the send that is made again, so that no user sees it twice", { timeout: 60_000 }, async () => {
  const stage = await createStage({ channels: ["wecom"] });
  try {
    const user = createUser(stage, "wecom", 1);
    stage.start({ failpoint: "after-send:1" });
    const writing = user.write();
    writing.catch(() => {});
    await stage.crash();
    await stage.start().ready;
    await writing;
    await until("the second arrival", () => stage.platforms.get("wecom")?.sent.length === 2);
    await stage.stop();
    expect(stage.oracle.verdict()).toMatchObject({ ok: true, duplicates: 0, suppressed: 1 });
  } finally {
    await stage.close();
  }
});
