import { afterEach, expect, test } from "vitest";
import simulation from "../../../adapters/wecom/simulator.ts";
import { RateLimitError, UnreachableError } from "../../../src/errors.ts";
import type { Simulator } from "../../../src/simulator.ts";
import type { KeyValue } from "../../../src/skill.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";
import { attempt, type Host, memoryKeyValue, replyOf, scriptedPlatform, startHost, startPair } from "./host.ts";

const HOUR = 3_600_000;
let host: Host;
let platform: Simulator;
let clock: FakeClock;
let kv: KeyValue;

async function setup(options: Parameters<typeof startPair>[0] = {}): Promise<void> {
  clock = fakeClock(Date.now());
  kv = memoryKeyValue();
  ({ host, platform } = await startPair({ clock, kv, ...options }));
}

afterEach(async () => {
  await platform.stop();
  await host.stop();
});

const sendMany = (n: number) =>
  Promise.all(Array.from({ length: n }, (_, i) => host.adapter.send(replyOf(`message ${i}`, `u${i}`), attempt())));

test("200 sends at once share one token, and its expiry costs one more", async () => {
  await setup();
  await sendMany(200);
  expect(platform.calls).toEqual({ gettoken: 1, "message/send": 200 });
  await clock.advance(2 * HOUR);
  await sendMany(200);
  expect(platform.calls).toEqual({ gettoken: 2, "message/send": 400 });
  expect(platform.sent).toHaveLength(400);
});

test("200 sends whose token the platform has thrown away fetch one new one and are all sent once", async () => {
  await setup();
  await sendMany(1);
  platform.fault({ kind: "unauthorised", times: 1 });
  await sendMany(200);
  expect(platform.calls.gettoken).toBe(2);
  expect(platform.sent).toHaveLength(201);
  expect(platform.sent.every(({ suppressed }) => !suppressed)).toBe(true);
});

test("a token that is refused again after it was renewed ends the try", async () => {
  await setup();
  platform.fault({ kind: "unauthorised" });
  await expect(sendMany(1)).rejects.toBeInstanceOf(UnreachableError);
  expect(platform.calls).toEqual({ gettoken: 2, "message/send": 2 });
});

test("it is renewed in the background before it expires", async () => {
  await setup();
  await sendMany(1);
  await clock.advance(0.79 * 2 * HOUR);
  await sendMany(1);
  expect(platform.calls.gettoken).toBe(1);
  await clock.advance(0.12 * 2 * HOUR);
  await sendMany(1);
  await until("a second token call", () => platform.calls.gettoken === 2);
  expect(platform.sent).toHaveLength(3);
});

test("while renewing fails, the old one serves until it expires, and each try shares one call", async () => {
  await setup();
  let healthy = true;
  const token = { errcode: 0, access_token: "scripted-token", expires_in: 7200 };
  const scripted = await scriptedPlatform((call) => {
    if (call === "gettoken") return healthy ? token : { errcode: -1, errmsg: "system busy" };
    return { errcode: 0, msgid: "1" };
  });
  await host.stop();
  host = await startHost([simulation.config(scripted.url)], { clock, kv });
  await sendMany(1);
  healthy = false;
  await clock.advance(0.95 * 2 * HOUR);
  await sendMany(50);
  await until("the renewal to fail", () => host.logged.some(({ message }) => message === "access token not renewed yet"));
  await sendMany(50);
  expect(scripted.calls).toEqual({ gettoken: 2, "message/send": 101 });
  await clock.advance(30_000);
  await sendMany(50);
  await until("another try", () => scripted.calls.gettoken === 3);
  await clock.advance(0.05 * 2 * HOUR);
  await expect(sendMany(50)).rejects.toBeInstanceOf(UnreachableError);
  expect(scripted.calls).toEqual({ gettoken: 4, "message/send": 151 });
  await scripted.stop();
});

test.each([
  ["busy", { errcode: -1, errmsg: "system busy" }, UnreachableError],
  ["over quota", { errcode: 45_009, errmsg: "api freq out of limit" }, RateLimitError],
  ["without a token", { errcode: 0, errmsg: "ok" }, UnreachableError],
  ["without a life", { errcode: 0, access_token: "t", expires_in: 0 }, UnreachableError],
  ["not the platform's", "<html></html>", UnreachableError],
  ["null", null, UnreachableError],
])("an answer that is %s means that nothing was sent", async (_name, answer, kind) => {
  await setup();
  const scripted = await scriptedPlatform(() => answer);
  await host.stop();
  host = await startHost([simulation.config(scripted.url)], { clock, kv });
  await expect(sendMany(1)).rejects.toBeInstanceOf(kind);
  expect(scripted.calls).toEqual({ gettoken: 1 });
  await scripted.stop();
});

test("a restart does not fetch it again, other credentials do", async () => {
  await setup();
  await sendMany(1);
  await host.stop();
  host = await startHost([simulation.config(platform.apiBase)], { clock, kv });
  await sendMany(1);
  expect(platform.calls.gettoken).toBe(1);
  await host.stop();
  host = await startHost([{ ...simulation.config(platform.apiBase), secret: "another-secret" }], { clock, kv });
  await expect(sendMany(1)).rejects.toThrow("check secret");
  expect(platform.calls.gettoken).toBe(2);
});

test("a store that fails costs a call, nothing else", async () => {
  await setup();
  await host.stop();
  const broken: KeyValue = {
    ...kv,
    get: () => Promise.reject(new Error("disk")),
    set: () => Promise.reject(new Error("disk")),
  };
  host = await startHost([simulation.config(platform.apiBase)], { clock, kv: broken });
  await sendMany(2);
  expect(platform.calls.gettoken).toBe(1);
  expect(host.logged.map(({ message }) => message)).toEqual(["stored access token not read", "access token not stored"]);
});

test("a refusal is not repeated by everyone who waits", async () => {
  await setup({ section: { secret: "wrong-secret" } });
  for (let n = 0; n < 5; n++) await expect(sendMany(20)).rejects.toThrow("40001");
  expect(platform.calls).toEqual({ gettoken: 1 });
  await clock.advance(2000);
  await expect(sendMany(20)).rejects.toThrow("40001");
  expect(platform.calls).toEqual({ gettoken: 2 });
});

test("neither the token nor the secret shows in what is logged or thrown", async () => {
  await setup();
  await sendMany(1);
  expect(host.hidden).toEqual(["simulated-token-1"]);
  platform.fault({ kind: "unauthorised" });
  const error = await sendMany(1).catch((thrown: unknown) => thrown);
  expect(error).not.toBeInstanceOf(RateLimitError);
  expect(JSON.stringify([host.logged, String(error)])).not.toMatch(/simulated-token|simulated-app-secret/);
});
