import { readdirSync, readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { wecomConfig } from "../../../adapters/wecom/config.ts";
import simulation from "../../../adapters/wecom/simulator.ts";
import { createCallbacks } from "../../../adapters/wecom/simulator-callbacks.ts";
import { systemClock } from "../../../src/clock.ts";
import { OverloadedError } from "../../../src/errors.ts";
import type { Simulator } from "../../../src/simulator.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { type Host, startHost, startPair } from "./host.ts";

let host: Host;
let platform: Simulator;

async function setup(options: Parameters<typeof startPair>[0] = {}): Promise<void> {
  ({ host, platform } = await startPair(options));
}

afterEach(async () => {
  await platform?.stop();
  await host?.stop();
});

test("a message reaches the handler with its id intact, and the platform gets an empty 200", async () => {
  await setup();
  const offered = await platform.say({ from: "u1", text: "你好 ]]> <b>&amp;" });
  expect(offered).toEqual({ id: offered.id, acked: true, answers: [200] });
  expect(BigInt(offered.id) > 2n ** 53n).toBe(true);
  expect(host.received).toMatchObject([{ platformId: offered.id, text: "你好 ]]> <b>&amp;", sender: { id: "u1" }, account: "default" }]);
  const second = await platform.say({ from: "u1", text: "again" });
  expect(BigInt(second.id) > BigInt(offered.id)).toBe(true);
});

test("a duplicate is answered like the original", async () => {
  await setup();
  const { id, answers } = await platform.say({ from: "u1", text: "hi" }, { duplicate: 3 });
  expect(answers).toEqual([200, 200, 200]);
  expect(host.received.map(({ platformId }) => platformId)).toEqual([id, id, id]);
});

test.each(simulation.forgeries)("a forgery (%s) gets 403 and no handler sees it", async (forge) => {
  await setup();
  expect(await platform.say({ from: "u1", text: "/echo forged" }, { forge })).toMatchObject({ acked: false, answers: [403] });
  expect(host.received).toEqual([]);
  expect(host.refused).toHaveLength(1);
});

test("what is not stored is not acknowledged, and comes again", async () => {
  await setup();
  host.broken = new OverloadedError("full");
  const refused = await platform.say({ from: "u1", text: "hi" });
  expect(refused).toMatchObject({ acked: false, answers: [503, 503, 503] });
  host.broken = undefined;
  expect(await platform.say({ from: "u1", text: "hi", id: refused.id })).toMatchObject({ acked: true });
});

test("a stopped channel takes nothing", async () => {
  await setup();
  await host.adapter.stop();
  await host.adapter.stop();
  expect(await platform.say({ from: "u1", text: "hi" })).toMatchObject({ acked: false, answers: [503, 503, 503] });
  await host.adapter.start();
  await host.adapter.start();
  expect(await platform.say({ from: "u1", text: "hi" })).toMatchObject({ acked: true });
});

test("a valid callback that is replayed counts as the same message within the window and is refused after it", async () => {
  const clock = fakeClock(Date.now());
  await setup({ clock });
  const section = wecomConfig.parse(simulation.config("http://127.0.0.1:1"));
  const { query, body } = createCallbacks(section, clock).message({ id: "77", from: "u1", text: "pay" });
  const replay = async () => (await fetch(`${host.url}/clawdbot/wechat/callback?${query}`, { method: "POST", body })).status;
  expect(await replay()).toBe(200);
  await clock.advance(590_000);
  expect(await replay()).toBe(200);
  expect(new Set(host.received.map(({ platformId }) => platformId))).toEqual(new Set(["77"]));
  await clock.advance(20_000);
  expect(await replay()).toBe(403);
  expect(host.refused).toEqual(["clock_skew"]);
});

test("each event and kind of message of the platform is taken", async () => {
  await setup();
  const folder = new URL("../../fixtures/wecom/", import.meta.url);
  const callbacks = createCallbacks(wecomConfig.parse(simulation.config("http://127.0.0.1:1")), systemClock);
  const names = readdirSync(folder);
  for (const name of names) {
    const { query, body } = callbacks.xml(readFileSync(new URL(name, folder), "utf8"));
    const answer = await fetch(`${host.url}/clawdbot/wechat/callback?${query}`, { method: "POST", body });
    expect([name, answer.status, await answer.text()]).toEqual([name, 200, ""]);
  }
  expect(host.received).toHaveLength(names.length);
});

test("the check of the URL is answered with the bare text", async () => {
  await setup();
  const section = wecomConfig.parse(simulation.config("http://127.0.0.1:1"));
  const { query, body } = createCallbacks(section, systemClock).xml("1616140317555161061");
  const echostr = /CDATA\[([^\]]{60,})\]/.exec(body)![1]!;
  const answer = await fetch(`${host.url}/clawdbot/wechat/callback?${query}&echostr=${encodeURIComponent(echostr)}`);
  expect([answer.status, await answer.text()]).toEqual([200, "1616140317555161061"]);
  expect((await fetch(`${host.url}/clawdbot/wechat/callback?${query}`)).status).toBe(403);
});

test("two apps behind one URL with one token and key get their own messages", async () => {
  const section = simulation.config("http://127.0.0.1:1");
  host = await startHost([section, { ...section, agent_id: 1_000_003 }]);
  platform = simulation.create({ config: { ...section, agent_id: 1_000_003 }, daemonUrl: host.url });
  expect(await platform.say({ from: "u1", text: "to the second" })).toMatchObject({ acked: true });
  expect(host.received).toMatchObject([{ account: "account1", text: "to the second" }]);
  expect(host.refused).toEqual(["agent"]);
});

test("an unreachable daemon is reported as such", async () => {
  await setup();
  platform.daemonUrl = "http://127.0.0.1:1";
  expect(await platform.say({ from: "u1", text: "hi" })).toMatchObject({ acked: false, answers: Array(3).fill("ECONNREFUSED") });
  await expect(platform.say({ from: "u1", group: "g1", text: "hi" })).rejects.toThrow("no group messages");
  await expect(platform.say({ from: "u1", text: "hi" }, { forge: "nonsense" })).rejects.toThrow("no such forgery");
});
