import { afterEach, expect, test } from "vitest";
import { sign } from "../../../adapters/dingtalk/sign.ts";
import simulation from "../../../adapters/dingtalk/simulator.ts";
import { OverloadedError } from "../../../src/errors.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { type Pair, startPair } from "./host.ts";

const HOUR_MS = 3_600_000;
const SECRET = String(simulation.config("http://127.0.0.1:1").client_secret);
const clock = fakeClock();
let pair: Pair;

async function setup(): Promise<Pair> {
  pair = await startPair({ section: { mode: "callback" }, clock });
  return pair;
}

afterEach(async () => {
  await pair.platform.stop();
  await pair.host.stop();
});

const BODY = JSON.stringify({
  ...{ msgId: "m1", msgtype: "text", conversationType: "1", conversationId: "cid1", senderId: "$:LWCP_v1:$x", senderStaffId: "u1" },
  ...{ createAt: "1690362101894", text: { content: "hi" } },
});

async function post(timestamp: string, headers: Record<string, string> = { timestamp, sign: sign(timestamp, SECRET) }): Promise<Response> {
  return await fetch(`${pair.host.url}/clawdbot/dingtalk/callback`, { method: "POST", headers, body: BODY });
}

test("a signed message is taken, and the answer says nothing into the chat", async () => {
  const { host } = await setup();
  const answer = await post(String(clock.now()));
  expect([answer.status, await answer.json()]).toEqual([200, { msgtype: "empty" }]);
  expect(host.received).toMatchObject([{ platformId: "m1", text: "hi", sentAt: 1_690_362_101_894 }]);
});

test("a timestamp is good for one hour either way, to the millisecond", async () => {
  await setup();
  for (const skew of [-HOUR_MS, -1_800_001, 0, HOUR_MS]) expect((await post(String(clock.now() - skew))).status).toBe(200);
  for (const skew of [-HOUR_MS - 1, HOUR_MS + 1]) expect((await post(String(clock.now() - skew))).status).toBe(403);
});

test("the log says by how much the clocks differ, as its last word and not for every replay", async () => {
  const { host } = await setup();
  for (let n = 0; n < 3; n++) await post(String(clock.now() - HOUR_MS - 1_843_000));
  await clock.advance(60_000);
  await post(String(clock.now() + HOUR_MS + 60_000));
  const told = host.logged.filter(({ message }) => message.startsWith("signature rejected"));
  expect(told.map(({ fields }) => fields.skew)).toEqual(["+5443s", "-3660s"]);
  expect(Object.keys(told[0]!.fields).at(-1)).toBe("skew");
  expect(told[0]!.message).toContain("clock");
});

test.each<[string, Record<string, string>]>([
  ["no header", {}],
  ["no sign", { timestamp: "1767225600000" }],
  ["an empty sign", { timestamp: "1767225600000", sign: "" }],
  ["two timestamps", { timestamp: "1767225600000, 1767225600000", sign: sign("1767225600000", SECRET) }],
  ["a timestamp that is no number", { timestamp: "1e12", sign: sign("1e12", SECRET) }],
  ["the sign of another secret", { timestamp: "1767225600000", sign: sign("1767225600000", "another") }],
  ["the URL form of the sign", { timestamp: "1767225600000", sign: encodeURIComponent(sign("1767225600000", SECRET)) }],
])("%s is refused", async (_name, headers) => {
  const { host } = await setup();
  expect((await post("", headers)).status).toBe(403);
  expect(host.received).toEqual([]);
});

test("what is not stored is not acknowledged", async () => {
  const { host } = await setup();
  host.gate = () => Promise.reject(new OverloadedError("full"));
  expect((await post(String(clock.now()))).status).toBe(503);
  host.gate = undefined;
  expect((await post(String(clock.now()))).status).toBe(200);
});

test("a stopped channel takes nothing, and no stream was ever opened", async () => {
  const { host, platform } = await setup();
  await host.adapter.stop();
  expect((await post(String(clock.now()))).status).toBe(503);
  await host.adapter.start();
  expect((await post(String(clock.now()))).status).toBe(200);
  expect(platform.server.opening.at).toEqual([]);
});
