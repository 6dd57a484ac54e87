import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import telegram from "../../../adapters/telegram/index.ts";
import simulation from "../../../adapters/telegram/simulator.ts";
import { OverloadedError } from "../../../src/errors.ts";
import { adapterConformance } from "../../../src/testing/adapter-conformance.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";
import { memoryKeyValue, type Pair, startHost, startPair, WEBHOOK } from "./host.ts";

adapterConformance({ definition: telegram, simulator: { ...simulation, config: (base) => ({ ...simulation.config(base), ...WEBHOOK }) } });

describe("the webhook", () => {
  let pair: Pair;

  afterEach(async () => {
    await pair.platform.stop();
    await pair.host.stop();
  });

  const HEADER = "X-Telegram-Bot-Api-Secret-Token";
  const update = (text: string) =>
    JSON.stringify({
      update_id: 5,
      message: {
        message_id: 9,
        date: 1,
        chat: { id: 42, type: "private", first_name: "Li" },
        from: { id: 42, is_bot: false, first_name: "Li" },
        text,
      },
    });
  const post = async (headers: Record<string, string>, body = update("hi")) =>
    (await fetch(`${pair.host.url}/clawdbot/telegram/callback`, { method: "POST", headers, body })).status;

  test.each<[string, Record<string, string>]>([
    ["no secret", {}],
    ["an empty secret", { [HEADER]: "" }],
    ["another secret", { [HEADER]: "simulated-webhook-sekret" }],
    ["the secret and more", { [HEADER]: `${WEBHOOK.webhook_secret}x` }],
    ["the secret in another case", { [HEADER]: WEBHOOK.webhook_secret.toUpperCase() }],
    ["the bot's token", { [HEADER]: "123456789:simulated-bot-token" }],
  ])("is refused with 403 with %s, before anything is read", async (_name, headers) => {
    pair = await startPair({ section: WEBHOOK });
    expect(await post(headers)).toBe(403);
    expect(await post(headers, "not JSON")).toBe(403);
    expect(pair.host.offered).toEqual([]);
    expect(JSON.stringify(pair.host.logged)).not.toContain("simulated-webhook");
  });

  test("compares in constant time, also secrets of other lengths", () => {
    const source = readFileSync(new URL("../../../adapters/telegram/verify.ts", import.meta.url), "utf8");
    expect(source).toContain("timingSafeEqual(digest(given), expected)");
    expect(source).not.toMatch(/(?<!typeof )given\s*[=!]==?|given\.length|[=!]==?\s*(secret|expected)/);
  });

  test("is taken with the right secret, whether or not the daemon set it up, and answered with an empty 200", async () => {
    pair = await startPair({ section: WEBHOOK });
    const answer = await fetch(`${pair.host.url}/clawdbot/telegram/callback`, {
      method: "POST",
      headers: { [HEADER]: WEBHOOK.webhook_secret },
      body: update("hi"),
    });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
    expect(pair.host.received).toMatchObject([{ text: "hi", platformId: "42:9" }]);
    expect(pair.platform.calls).toEqual({ getMe: 1 });
  });

  test("is set up by the daemon where server.public_url is set, and keeps what waits", async () => {
    pair = await startPair({ section: WEBHOOK, publicUrl: "https://bot.example.com" });
    expect(pair.platform.webhook).toEqual({
      url: "https://bot.example.com/clawdbot/telegram/callback",
      secret: WEBHOOK.webhook_secret,
    });
    expect(pair.platform.calls).toEqual({ getMe: 1, setWebhook: 1 });
    expect(await pair.platform.say({ from: "42", text: "hi" })).toMatchObject({ acked: true, answers: [200] });
  });

  test("is not acknowledged when the message is not stored, and the order of a chat is kept by Telegram's retries", async () => {
    pair = await startPair({ section: WEBHOOK });
    const { host, platform } = pair;
    let refusals = 2;
    host.broken = () => (refusals-- > 0 ? new OverloadedError("full") : undefined);
    const said = [platform.say({ from: "42", text: "one" }), platform.say({ from: "42", text: "two" })];
    expect(await Promise.all(said)).toMatchObject([{ answers: [503, 503, 200] }, { answers: [200] }]);
    expect(host.received.map(({ text }) => text)).toEqual(["one", "two"]);
  });

  test("answers a duplicate like the original", async () => {
    pair = await startPair({ section: WEBHOOK });
    expect(await pair.platform.say({ from: "42", text: "hi" }, { duplicate: 3 })).toMatchObject({ answers: [200, 200, 200] });
    expect(pair.host.received).toHaveLength(1);
  });

  test("takes nothing while stopped", async () => {
    pair = await startPair({ section: WEBHOOK });
    await pair.host.adapter.stop();
    expect(await post({ [HEADER]: WEBHOOK.webhook_secret })).toBe(503);
    await pair.host.adapter.start();
    expect(await post({ [HEADER]: WEBHOOK.webhook_secret })).toBe(200);
  });

  test("takes direct messages while Telegram's API is away, groups' as soon as the bot's name is known, and sets up later", async () => {
    const clock = fakeClock(Date.now());
    pair = await startPair({ clock, section: WEBHOOK, publicUrl: "https://bot.example.com", start: false });
    const { host, platform } = pair;
    platform.fault({ kind: "refuse" });
    await host.adapter.start();
    expect(host.reports.at(-1)).toMatchObject({ receiving: false });
    expect(await post({ [HEADER]: WEBHOOK.webhook_secret })).toBe(200);
    const group = update("hi").replace('"private"', '"supergroup"');
    expect(await post({ [HEADER]: WEBHOOK.webhook_secret }, group)).toBe(503);
    platform.fault(null);
    await until("the webhook", async () => {
      await clock.advance(500);
      return platform.webhook;
    });
    await until("the report", () => host.reports.at(-1)?.receiving);
    expect(await post({ [HEADER]: WEBHOOK.webhook_secret }, group)).toBe(200);
    // The next start knows the name.
    platform.fault({ kind: "refuse" });
    const again = await startHost({ ...simulation.config(platform.apiBase), ...WEBHOOK }, { kv: host.kv });
    const answer = await fetch(`${again.url}/clawdbot/telegram/callback`, {
      method: "POST",
      headers: { [HEADER]: WEBHOOK.webhook_secret },
      body: group,
    });
    expect(answer.status).toBe(200);
    await again.stop();
  });

  test("of another bot's name is not believed", async () => {
    const kv = memoryKeyValue();
    await kv.set("bot", { id: "1", username: "somebody_else" });
    pair = await startPair({ section: WEBHOOK, kv });
    expect(await kv.get("bot")).toMatchObject({ value: { id: "123456789", username: "Simulated_Bot" } });
  });
});
