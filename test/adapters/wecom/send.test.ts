import { afterEach, describe, expect, test } from "vitest";
import simulation from "../../../adapters/wecom/simulator.ts";
import { ClawdbotError, RateLimitError, RejectedError, UnreachableError } from "../../../src/errors.ts";
import type { Segment } from "../../../src/message.ts";
import type { Simulator } from "../../../src/simulator.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { attempt, type Host, replyOf, scriptedPlatform, startHost, startPair } from "./host.ts";

let host: Host;
let platform: Simulator;

async function setup(options: Parameters<typeof startPair>[0] = {}): Promise<void> {
  ({ host, platform } = await startPair(options));
}

afterEach(async () => {
  await platform.stop();
  await host.stop();
});

async function failure(reply = replyOf("hi")): Promise<unknown> {
  return await host.adapter.send(reply, attempt()).then(
    () => "sent",
    (error: unknown) => error,
  );
}

describe("content", () => {
  test.each<[string, Segment, Record<string, unknown>]>([
    ["text", { type: "text", text: "你好" }, { msgtype: "text", text: { content: "你好" } }],
    ["markdown", { type: "markdown", text: "**hi**" }, { msgtype: "markdown", markdown: { content: "**hi**" } }],
    ["an image", { type: "image", ref: "media-1", name: "a.png" }, { msgtype: "image", image: { media_id: "media-1" } }],
    ["a voice", { type: "voice", ref: "media-2" }, { msgtype: "voice", voice: { media_id: "media-2" } }],
    ["a video", { type: "video", ref: "media-3", name: "Clip" }, { msgtype: "video", video: { media_id: "media-3", title: "Clip" } }],
    ["a file", { type: "file", ref: "media-4", name: "a.pdf" }, { msgtype: "file", file: { media_id: "media-4" } }],
  ])("%s is sent as the platform wants it", async (_name, segment, body) => {
    await setup();
    expect(await host.adapter.send(replyOf([segment]), attempt())).toEqual({ platformId: "simulated-1" });
    expect(platform.sent.map(({ raw }) => raw)).toEqual([{ touser: "u1", agentid: 1_000_002, ...body }]);
  });

  test("a long answer arrives whole once it is split, and would be cut without", async () => {
    await setup();
    const long = "一二三四五六七八九十\n".repeat(300);
    for (const segments of host.adapter.split!([{ type: "text", text: long }])) await host.adapter.send(replyOf(segments), attempt());
    expect(platform.sent.map(({ text }) => text).join("")).toBe(long);
    await host.adapter.send(replyOf(long), attempt());
    expect(platform.sent.at(-1)!.raw).toHaveProperty("cut");
  });

  test("a reply without content is rejected without a call", async () => {
    await setup();
    expect(await failure(replyOf([]))).toBeInstanceOf(RejectedError);
    expect(platform.calls).toEqual({});
  });
});

describe("refusals of the platform", () => {
  test.each([
    ...[45_009, 45_033].map((code) => [code, RateLimitError, "CLAWDBOT_ERR_DELIVERY_RATE_LIMITED"] as const),
    ...[-1, 6000, 99_999].map((code) => [code, ClawdbotError, "CLAWDBOT_ERR_PLATFORM"] as const),
    ...[40_001, 40_013, 40_056, 48_002, 50_003, 60_011, 60_020, 301_002, 2_000_002].map(
      (code) => [code, UnreachableError, "CLAWDBOT_ERR_UNREACHABLE"] as const,
    ),
    ...[40_003, 40_007, 40_008, 40_058, 44_004, 45_002, 60_111, 81_013, 82_001, 85_002].map(
      (code) => [code, RejectedError, "CLAWDBOT_ERR_DELIVERY_REJECTED"] as const,
    ),
  ])("%i", async (code, kind, name) => {
    await setup();
    platform.fault({ kind: "error", code, times: 1 });
    const error = await failure();
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ code: name, retryable: kind !== RejectedError });
    expect((error as Error).message).toContain(String(code));
    expect((error as Error).message).toContain("hint: [1700000000_simulated]");
    if (error instanceof RejectedError) expect(error.platformCode).toBe(String(code));
    expect(platform.calls).toEqual({ gettoken: 1, "message/send": 1 });
  });

  test("of what an operator can set right come with what to do", async () => {
    await setup();
    platform.fault({ kind: "error", code: 60_020, times: 1 });
    expect(((await failure()) as Error).message).toContain("企业可信IP");
  });

  test("a used-up quota keeps all conversations waiting for a minute, without further calls", async () => {
    const clock = fakeClock(Date.now());
    await setup({ clock });
    platform.fault({ kind: "rate-limit", times: 1 });
    expect(await failure()).toMatchObject({ retryAfterMs: 60_000 });
    await clock.advance(45_000);
    expect(await failure(replyOf("hi", "u2"))).toMatchObject({ retryAfterMs: 15_000 });
    expect(platform.calls["message/send"]).toBe(1);
    await clock.advance(15_000);
    await host.adapter.send(replyOf("hi", "u2"), attempt());
    expect(platform.sent).toHaveLength(1);
  });

  test("a member that the platform does not know, or that has no licence, is final", async () => {
    await setup();
    expect(await failure(replyOf("hi", "invalid-1"))).toMatchObject({ platformCode: "81013" });
    expect(await failure(replyOf("hi", "unlicensed-1"))).toMatchObject({ platformCode: "unlicenseduser" });
  });

  test("settings of another app are told apart from a wrong secret", async () => {
    await setup({ section: { agent_id: 1_000_003 } });
    expect(((await failure()) as Error).message).toContain("check agent_id");
    await host.stop();
    await platform.stop();
    await setup({ section: { secret: "of-another-app" } });
    const error = await failure();
    expect(error).toBeInstanceOf(UnreachableError);
    expect((error as Error).message).toContain("check secret");
    expect((error as Error).message).not.toContain("of-another-app");
    expect(platform.calls).toEqual({ gettoken: 1 });
  });
});

describe("failures on the way", () => {
  test.each(["server-error", "reset"] as const)("%s on the send itself may have arrived", async (kind) => {
    await setup();
    await host.adapter.send(replyOf("first"), attempt());
    platform.fault({ kind, times: 1 });
    expect(await failure()).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: true });
    await host.adapter.send(replyOf("hi"), attempt(true));
    expect(platform.sent.map(({ text }) => text)).toEqual(["first", "hi"]);
  });

  test.each(["server-error", "reset", "refuse"] as const)("%s on the way to the token has surely sent nothing", async (kind) => {
    await setup();
    platform.fault({ kind });
    expect(await failure()).toBeInstanceOf(UnreachableError);
    expect(platform.calls["message/send"]).toBeUndefined();
    platform.fault(null);
    while ((await failure()) !== "sent");
    expect(platform.sent).toHaveLength(1);
  });

  test("a platform that is away is told from one that failed, and is found again", async () => {
    await setup();
    await host.adapter.send(replyOf("first"), attempt());
    platform.fault({ kind: "refuse" });
    while (!((await failure()) instanceof UnreachableError));
    platform.fault(null);
    while ((await failure()) !== "sent");
  });

  test.each(["<html></html>", "", "null", '{"ok":true}'])(
    "an answer of %j is not the platform's, and the send may have arrived",
    async (answer) => {
      await setup();
      const token = { errcode: 0, access_token: "scripted-token", expires_in: 7200 };
      const scripted = await scriptedPlatform((call) => (call === "gettoken" ? token : answer));
      await host.stop();
      host = await startHost([simulation.config(scripted.url)]);
      expect(await failure()).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: true });
      await scripted.stop();
    },
  );

  test("a slow platform is waited for", async () => {
    await setup();
    platform.fault({ kind: "slow", ms: 30, times: 2 });
    expect(await failure()).toBe("sent");
  });
});

describe("a second try of what may have been sent", () => {
  test("is not shown twice when the first one arrived", async () => {
    await setup({ ioTimeoutMs: 300 });
    await host.adapter.send(replyOf("first"), attempt());
    platform.fault({ kind: "timeout-after-success", times: 1 });
    expect(await failure()).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM" });
    await host.adapter.send(replyOf("hi"), attempt(true));
    expect(platform.sent.map(({ text, suppressed }) => [text, suppressed])).toEqual([
      ["first", false],
      ["hi", false],
      ["hi", true],
    ]);
  });

  test("asks for no check when nothing can have been sent, and looks back only to the reply's birth", async () => {
    const clock = fakeClock(Date.now());
    await setup({ clock });
    await host.adapter.send(replyOf("done", "u1", clock.now()), attempt());
    await clock.advance(60_000);
    const second = replyOf("done", "u1", clock.now() - 1500);
    await host.adapter.send(second, attempt(true));
    expect(platform.sent.map(({ suppressed }) => suppressed)).toEqual([false, false]);
    expect(platform.sent[0]!.raw).not.toHaveProperty("enable_duplicate_check");
    expect(platform.sent[1]!.raw).toMatchObject({ enable_duplicate_check: 1, duplicate_check_interval: 3 });
    await host.adapter.send(replyOf("old", "u1", clock.now() - 86_400_000), attempt(true));
    await host.adapter.send(replyOf("from the future", "u1", clock.now() + 5000), attempt(true));
    const intervals = platform.sent.slice(2).map(({ raw }) => (raw as { duplicate_check_interval: number }).duplicate_check_interval);
    expect(intervals).toEqual([14_400, 1]);
  });
});

test("more than thirty messages a minute to one member are dropped by the platform without a word", async () => {
  const clock = fakeClock(Date.now());
  await setup({ rateLimits: true, clock });
  for (let n = 0; n < 32; n++) await host.adapter.send(replyOf(`message ${n}`), attempt());
  expect(platform.sent).toHaveLength(30);
  expect(platform.calls.dropped).toBe(2);
});
