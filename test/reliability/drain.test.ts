import { afterEach, describe, expect, test } from "vitest";
import { loadSimulator } from "../../src/adapters/loader.ts";
import { defineSkill } from "../../src/skill.ts";
import { type TestGateway, testGateway } from "../../src/testing/test-gateway.ts";
import { until } from "../../src/testing/until.ts";
import { settle } from "../chaos/settle.ts";
import { createStage, type Stage } from "../chaos/stage.ts";
import { createUser } from "../chaos/user.ts";

const DRAIN_MS = 1000;
/** Closing what is open, after the drain. */
const CLOSING_MS = 3000;

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe("SIGTERM", () => {
  test("under load: takes nothing new, ends with 0, and the next start does the rest; nothing is lost or sent twice", {
    timeout: 60_000,
  }, async () => {
    const stage = await opened(["wecom", "websocket"]);
    const daemon = stage.start();
    await daemon.ready;
    const wecom = stage.platforms.get("wecom")!;
    wecom.fault({ kind: "slow", ms: 300 });
    let ended = false;
    const live = async (n: number) => {
      const user = createUser(stage, n % 2 ? "wecom" : "websocket", n);
      while (!ended) await user.write();
    };
    const lives = Promise.all(Array.from({ length: 10 }, (_, n) => live(n)));
    await until("some load", () => stage.oracle.unanswered().length > 100);

    const asked = performance.now();
    const stopping = stage.stop();
    await until("the signal to be heard", () => daemon.output().includes("draining"));
    const late = await wecom.say({ text: "/echo late", from: "late" });
    expect(late).toMatchObject({ acked: false });
    expect(await stopping).toEqual({ code: 0, signal: null });
    expect(performance.now() - asked).toBeLessThan(10_000);
    expect(stage.oracle.unanswered().length).toBeGreaterThan(0);

    wecom.fault(null);
    await stage.start().ready;
    ended = true;
    await lives;
    const { verdict, problems } = await settle(stage);
    expect(problems).toEqual([]);
    expect(verdict).toMatchObject({ lost: 0, reordered: 0, duplicates: 0, suppressed: 0 });
  });

  test("with a platform that never answers: ends with 0 at its limit, and what was in flight is sent again, once", {
    timeout: 60_000,
  }, async () => {
    const stage = await opened(["wecom"], { performance: { drain_timeout: DRAIN_MS } });
    await stage.start().ready;
    await inFlight(stage);

    const asked = performance.now();
    expect(await stage.stop({ cutsOff: true })).toEqual({ code: 0, signal: null });
    expect(performance.now() - asked).toBeLessThan(DRAIN_MS + CLOSING_MS);
    await answersAfterRestart(stage);
  });

  test("a second one ends the daemon at once; what was in flight is sent again, once", { timeout: 60_000 }, async () => {
    const stage = await opened(["wecom"]);
    const daemon = stage.start();
    await daemon.ready;
    await inFlight(stage);

    const stopping = stage.stop({ cutsOff: true });
    await until("the signal to be heard", () => daemon.output().includes("draining"));
    const asked = performance.now();
    // Two signals in a tenth of a second are one: a launcher passes on what a terminal has sent to both.
    const again = setInterval(() => daemon.signal("SIGTERM"), 50);
    expect(await stopping.finally(() => clearInterval(again))).toEqual({ code: 143, signal: null });
    expect(performance.now() - asked).toBeLessThan(1000);
    await answersAfterRestart(stage);
  });
});

test("a skill that never returns does not hold up the end beyond performance.drain_timeout, and is asked again after the restart", async () => {
  let asked = 0;
  const stuck = defineSkill({
    name: "stuck",
    version: "1.0.0",
    description: "never answers",
    triggers: [],
    handleMessage: () => {
      asked++;
      return new Promise<never>(() => {});
    },
  });
  const simulator = (await loadSimulator("websocket"))!;
  const section = simulator.config("");
  const config = { performance: { drain_timeout: DRAIN_MS }, websocket: section };
  const daemon: TestGateway = await testGateway({ config, skills: [stuck] });
  cleanups.push(() => daemon.stop());
  const platform = simulator.create({ config: section, daemonUrl: daemon.url });
  cleanups.push(() => platform.stop());
  await platform.start();
  expect(await platform.say({ text: "/stuck", from: "someone" })).toMatchObject({ acked: true });
  await until("the skill to be asked", () => asked === 1);

  const began = performance.now();
  await daemon.restart({ config, skills: [defineSkill({ ...stuck, handleMessage: () => "at last" })] });
  expect(performance.now() - began).toBeLessThan(DRAIN_MS + CLOSING_MS);
  platform.daemonUrl = daemon.url;
  const [reply] = await platform.waitForSent(1);
  expect(reply?.text).toBe("at last");
});

async function opened(channels: string[], config = {}): Promise<Stage> {
  const stage = await createStage({ channels, config });
  cleanups.push(() => stage.close());
  return stage;
}

/** Leaves one reply at the platform, which does not answer, and one waiting behind it. */
async function inFlight({ oracle, platforms }: Stage): Promise<void> {
  platforms.get("wecom")!.fault({ kind: "timeout-after-success" });
  const user = createUser({ oracle, platforms }, "wecom", 1);
  await user.write();
  await user.write();
  await until("the first to reach the platform", () => platforms.get("wecom")!.sent.length === 1);
}

async function answersAfterRestart(stage: Stage): Promise<void> {
  stage.platforms.get("wecom")!.fault(null);
  await stage.start().ready;
  const { verdict, problems } = await settle(stage);
  expect(problems).toEqual([]);
  expect(verdict).toMatchObject({ acked: 2, duplicates: 0, suppressed: 1 });
}
