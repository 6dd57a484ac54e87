import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import simulation, { createQqSimulator, type QqSimulator } from "../../../adapters/qq/simulator.ts";
import { until } from "../../../src/testing/until.ts";

/** The simulator is believed because a client that nobody here wrote gets on with it. https://github.com/zhinjs/qq-official-bot */
describe("the bot of qq-official-bot, in a process of its own", () => {
  let platform: QqSimulator;
  let bot: ChildProcess;
  let told: Record<string, unknown>[];

  async function setup(mode: "websocket" | "webhook"): Promise<void> {
    const config = { ...simulation.config("http://127.0.0.1:1"), mode };
    platform = createQqSimulator({ config, daemonUrl: "http://127.0.0.1:1", retries: 100, retryDelayMs: 50 });
    await platform.start();
    told = [];
    bot = fork(fileURLToPath(new URL("./official-bot-process.ts", import.meta.url)), [mode, platform.apiBase], { stdio: "ignore" });
    bot.on("message", (what: Record<string, unknown>) => void told.push(what));
    await until("the bot", () => told.some(({ ready }) => ready));
  }

  afterEach(async () => {
    bot.kill("SIGKILL");
    await platform.stop();
  });

  test("logs in at the gateway, gets messages, answers them, and hears of refusals", async () => {
    await setup("websocket");
    expect((await platform.say({ from: "u1", text: "你好" })).acked).toBe(true);
    expect(await platform.waitForSent(1)).toMatchObject([{ conversation: "u1", text: "echo: 你好", suppressed: false }]);
    await platform.say({ from: "u2", group: "g1", text: "in a group" });
    expect(await platform.waitForSent(2)).toMatchObject([{}, { conversation: "g1", suppressed: false }]);
    expect(told).toContainEqual({ event: "message.private", text: "你好" });
    expect(platform.calls).toMatchObject({ getAppAccessToken: 1, identify: 1, messages: 2 });
    platform.fault({ kind: "error", code: 40054005, times: 1 });
    await platform.say({ from: "u1", text: "again" });
    expect(String((await until("a refusal", () => told.find(({ failed }) => failed)))?.failed)).toContain("40054005");
  });

  test("takes the webhook's signatures, and refuses forged ones", async () => {
    await setup("webhook");
    const port = await until("its port", () => told.find(({ listening }) => listening)?.listening);
    platform.daemonUrl = `http://127.0.0.1:${String(port)}`;
    const validated = await platform.webhook.validate("Arq0D5A61EgUu4OxUvOp");
    expect(validated.status).toBe(200);
    expect(JSON.parse(validated.body)).toMatchObject({
      plain_token: "Arq0D5A61EgUu4OxUvOp",
      signature: expect.stringMatching(/^[0-9a-f]{128}$/),
    });
    expect((await platform.say({ from: "u1", text: "签名 signed" })).acked).toBe(true);
    expect(await platform.waitForSent(1)).toMatchObject([{ text: "echo: 签名 signed" }]);
    for (const forge of ["unsigned", "signature", "other-key", "changed"]) {
      expect((await platform.say({ from: "u1", text: "forged" }, { forge })).acked).toBe(false);
    }
    expect(platform.sent).toHaveLength(1);
  });
});
