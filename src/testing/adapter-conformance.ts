import { afterEach, describe, expect, test } from "vitest";
import type { AdapterDefinition } from "../adapter.ts";
import type { Simulator, SimulatorDefinition } from "../simulator.ts";
import { type TestGateway, type TestGatewayOptions, testGateway } from "./test-gateway.ts";
import { until } from "./until.ts";

export interface AdapterUnderTest {
  definition: AdapterDefinition;
  simulator: SimulatorDefinition;
}

/**
 * What every adapter promises, run against the simulator of its own folder on a whole gateway: `adapterConformance({ definition,
 * simulator })`. What only one platform can do belongs into that adapter's own tests.
 */
export function adapterConformance({ definition, simulator }: AdapterUnderTest): void {
  describe(`adapter ${definition.name}`, () => {
    let daemon: TestGateway | undefined;
    let platform: Simulator | undefined;

    async function setup(options: TestGatewayOptions = {}): Promise<{ daemon: TestGateway; platform: Simulator }> {
      const settings = simulator.config("http://127.0.0.1:1");
      platform = simulator.create({ config: settings, daemonUrl: "http://127.0.0.1:1", retries: 3, retryDelayMs: 20 });
      await platform.start();
      const section = simulator.config(platform.apiBase);
      daemon = await testGateway({
        ...options,
        config: { websocket: { enabled: false }, ...options.config, [definition.configKey]: section },
      });
      platform.daemonUrl = daemon.url;
      return { daemon, platform };
    }

    afterEach(async () => {
      await platform?.stop();
      await daemon?.stop();
      platform = undefined;
      daemon = undefined;
    });

    const stored = async (on: TestGateway) => (await on.gateway.storage.traces({ limit: 100 })).length;

    test("a command is answered once, and the message is normalised", async () => {
      const { daemon, platform } = await setup();
      const offered = await platform.say({ from: "u1", text: "/echo 你好 hi" });
      expect(offered.acked).toBe(true);
      const [sent] = await platform.waitForSent(1);
      expect(sent).toMatchObject({ text: "你好 hi", conversation: "u1" });
      const [trace] = await daemon.gateway.storage.traces({ limit: 1 });
      expect(trace).toMatchObject({ channel: definition.name, sender: "u1", outcome: "replied", skill: "echo" });
      const [message] = await daemon.gateway.storage.history(trace!.conversation, { limit: 2 });
      expect(message).toMatchObject({ contentType: "text", text: "/echo 你好 hi", mentionsBot: true });
    });

    test("the same message three times at once, and again after a restart, is answered once", async () => {
      const { daemon, platform } = await setup();
      const id = (await platform.say({ from: "u1", text: "/echo once" }, { duplicate: 3 })).id;
      await platform.waitForSent(1);
      await daemon.restart();
      platform.daemonUrl = daemon.url;
      const again = await platform.say({ from: "u1", text: "/echo once", id });
      expect(again.acked).toBe(true);
      await platform.say({ from: "u1", text: "/echo end" });
      await platform.waitForSent(2);
      expect(platform.sent.filter(({ suppressed }) => !suppressed).map(({ text }) => text)).toEqual(["once", "end"]);
      expect(await stored(daemon)).toBe(2);
    });

    for (const forge of simulator.forgeries) {
      test(`a forged message (${forge}) is refused, and nothing of it is stored`, async () => {
        const { daemon, platform } = await setup();
        const offered = await platform.say({ from: "u1", text: "/echo forged" }, { forge });
        expect(offered.acked).toBe(false);
        expect(await stored(daemon)).toBe(0);
        expect((await platform.say({ from: "u1", text: "/echo honest" })).acked).toBe(true);
        expect((await platform.waitForSent(1)).map(({ text }) => text)).toEqual(["honest"]);
      });
    }

    test("a message that the daemon does not take is not acknowledged, and is taken when the platform sends it again", async () => {
      const { daemon, platform } = await setup();
      daemon.gateway.pipeline.close();
      const refused = await platform.say({ from: "u1", text: "/echo refused" });
      expect(refused.acked).toBe(false);
      expect(await stored(daemon)).toBe(0);
      await daemon.restart();
      platform.daemonUrl = daemon.url;
      expect((await platform.say({ from: "u1", text: "/echo refused", id: refused.id })).acked).toBe(true);
      await platform.waitForSent(1);
    });

    test("order is kept in a conversation while the platform fails in every way, and nothing is lost", async () => {
      const { daemon, platform } = await setup();
      for (const kind of ["server-error", "reset", "unauthorised", "timeout-after-success"] as const) {
        platform.fault({ kind, times: 1 });
        await platform.say({ from: "u1", text: `/echo 1 after ${kind}` });
        await platform.say({ from: "u1", text: `/echo 2 after ${kind}` });
        // A platform without an idempotency key may show the first one twice.
        const shown = () => platform.sent.map(({ text }) => text);
        await until(`both after ${kind}`, () => shown().includes(`2 after ${kind}`), 15_000);
        const first = shown().indexOf(`1 after ${kind}`);
        expect(first).toBeGreaterThanOrEqual(0);
        expect(first).toBeLessThan(shown().indexOf(`2 after ${kind}`));
        platform.fault(null);
        await until("every reply to be noted", async () => (await daemon.gateway.storage.counts()).outbox === 0);
      }
    });

    test("a long answer arrives whole and in order", async () => {
      const { platform } = await setup();
      const long = Array.from({ length: 400 }, (_, n) => `第${n}行 line ${n}`).join("\n");
      await platform.say({ from: "u1", text: `/echo ${long}` });
      await until("all of it", () => platform.sent.map(({ text }) => text).join("").length >= long.length * 0.95);
      const lines = platform.sent.flatMap(({ text }) => text.split("\n")).filter((line) => line !== "");
      expect(lines.join("")).toBe(long.replaceAll("\n", ""));
    });

    test("readiness follows the channel from start to stop, and starting and stopping again and again leaves nothing behind", async () => {
      const { daemon, platform } = await setup();
      for (let n = 0; n < 5; n++) {
        expect(daemon.gateway.channels()).toMatchObject([{ channel: definition.name, receiving: true }]);
        await daemon.restart();
      }
      platform.daemonUrl = daemon.url;
      await daemon.gateway.start();
      await platform.say({ from: "u1", text: "/echo still here" });
      await platform.waitForSent(1);
      await daemon.gateway.stop();
      await daemon.gateway.stop();
      expect(daemon.gateway.channels()).toMatchObject([{ receiving: false }]);
    });
  });
}
