import { afterEach, describe, expect, test } from "vitest";
import { createCallbacks } from "../../../adapters/dingtalk/simulator-callbacks.ts";
import { RateLimitError, RejectedError, UnreachableError } from "../../../src/errors.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { attempt, createHost, failure, memoryKeyValue, type Pair, replyOf, sectionOf, startPair } from "./host.ts";

const BATCH = "/v1.0/robot/oToMessages/batchSend";
const GROUP = "/v1.0/robot/groupMessages/send";
const SESSION = "/robot/sendBySession";
const TOKEN = "/v1.0/oauth2/accessToken";

let pair: Pair;
let clock: FakeClock;

/** HTTP mode: nothing here is about the stream. */
async function setup(options: Parameters<typeof startPair>[0] = {}): Promise<Pair> {
  clock = fakeClock();
  pair = await startPair({ clock, ...options, section: { mode: "callback", ...options.section } });
  return pair;
}

afterEach(async () => {
  await pair.platform.stop();
  await pair.host.stop();
});

const send = (...about: Parameters<typeof replyOf>) => pair.host.adapter.send(replyOf(...about), attempt());
const fail = (...about: Parameters<typeof replyOf>) => failure(pair.host, replyOf(...about));
const sentRaw = () => pair.platform.sent.map(({ raw }) => raw);

describe("the way of a reply", () => {
  test("is the session of the conversation while it lives, without a token, and the robot API after that", async () => {
    const { platform } = await setup();
    await platform.say({ from: "u1", text: "hi" });
    expect(await send("one")).toEqual({ detail: "session" });
    expect(platform.calls[TOKEN]).toBeUndefined();
    await clock.advance(90 * 60_000 - 30_000);
    expect(await send("two")).toEqual({ platformId: "simulated-1", detail: "robot" });
    expect(platform.sent.map(({ conversation, text }) => [conversation, text])).toEqual([
      ["u1", "one"],
      ["u1", "two"],
    ]);
    expect(sentRaw()[1]).toEqual({
      robotCode: "dingsimulated0123",
      userIds: ["u1"],
      msgKey: "sampleText",
      msgParam: '{"content":"two"}',
    });
  });

  test("is the robot API when the platform has ended the session before its time", async () => {
    const { platform } = await setup();
    await platform.say({ from: "u1", group: "cidG", text: "hi" });
    platform.endSessions();
    expect(await send("one", { group: "cidG" })).toMatchObject({ detail: "robot" });
    expect(await send("two", { group: "cidG" })).toMatchObject({ detail: "robot" });
    expect(platform.calls).toMatchObject({ [SESSION]: 1, [GROUP]: 2 });
    expect(sentRaw()[0]).toMatchObject({ openConversationId: "cidG" });
  });

  test("is the session also after a restart", async () => {
    const kv = memoryKeyValue();
    const { host, platform } = await setup({ kv });
    await platform.say({ from: "$:LWCP_v1:$guest", text: "hi" });
    await host.stop();
    pair = { platform, host: await createHost(sectionOf(pair), { clock, kv }) };
    expect(await send("still here", "$:LWCP_v1:$guest")).toEqual({ detail: "session" });
  });

  test("is the newest session; one on disk that is fresh is not written with each message", async () => {
    const kv = memoryKeyValue();
    const { platform } = await setup({ kv });
    await platform.say({ from: "u1", text: "hi" });
    const written = await kv.get("session:u1");
    await clock.advance(60_000);
    await platform.say({ from: "u1", text: "hi again" });
    expect(await kv.get("session:u1")).toEqual(written);
    await clock.advance(44 * 60_000);
    await platform.say({ from: "u1", text: "and later" });
    expect((await kv.get("session:u1"))!.version).toBe(2);
  });

  test("does not exist for people outside the organisation once their session is over", async () => {
    const { platform } = await setup();
    expect(await fail("hi", "$:LWCP_v1:$guest")).toBeInstanceOf(RejectedError);
    expect(platform.calls).toEqual({});
  });

  test.each(["https://attacker.example/robot/sendBySession?session=1", "http://127.0.0.1:1/robot/sendBySession?session=1", "not a URL"])(
    "is never a session at another host (%s)",
    async (sessionWebhook) => {
      const { host, platform } = await setup();
      const about = { conversationType: "1", conversationId: "c", senderId: "$:x", senderStaffId: "u1", createAt: 1, msgtype: "text" };
      const session = { sessionWebhook, sessionWebhookExpiredTime: clock.now() + 5_400_000 };
      const body = JSON.stringify({ ...about, ...session, msgId: "m1", text: { content: "hi" } });
      const callback = createCallbacks("simulated-app-secret", clock).signed(body);
      const answer = await fetch(`${host.url}/clawdbot/dingtalk/callback`, { method: "POST", ...callback });
      expect(answer.status).toBe(200);
      expect(await send("hi")).toMatchObject({ detail: "robot" });
      expect(host.logged.map(({ message }) => message)).toContain("sessionWebhook ignored: it is not at the host of oapi_base");
      expect(platform.calls[SESSION]).toBeUndefined();
      expect(JSON.stringify([host.logged, host.received])).not.toContain("session=1");
    },
  );
});

describe("who was not reached although the platform says 200", () => {
  test("an unknown user is final", async () => {
    await setup();
    expect(await fail("hi", "invalid-1")).toMatchObject({ platformCode: "invalidStaffId" });
    expect(pair.platform.sent).toEqual([]);
  });

  test("a user whose messages are held back is written to later", async () => {
    await setup();
    expect(await fail("hi", "flowed-1")).toBeInstanceOf(RateLimitError);
    expect(pair.platform.sent).toEqual([]);
  });
});

describe("the access token", () => {
  test("is got once however many wait for it, kept out of logs, and renewed five minutes early", async () => {
    const { host, platform } = await setup();
    await Promise.all(Array.from({ length: 20 }, (_, n) => send(`reply ${n}`, `u${n}`)));
    expect(platform.calls[TOKEN]).toBe(1);
    expect(host.hidden).toEqual(["simulated-token-1"]);
    await clock.advance(7200_000 - 301_000);
    await send("hi");
    expect(platform.calls[TOKEN]).toBe(1);
    await clock.advance(1000);
    await send("hi");
    expect(platform.calls[TOKEN]).toBe(2);
  });

  test("that is refused is replaced at once, once", async () => {
    const { platform } = await setup();
    await send("one");
    platform.server.api.expireToken();
    await send("two");
    expect(platform.sent.map(({ text }) => text)).toEqual(["one", "two"]);
    expect(platform.calls).toMatchObject({ [TOKEN]: 2, [BATCH]: 3 });
  });

  test("that cannot be had is not asked for by every waiting reply, and nothing was sent", async () => {
    const { platform } = await setup();
    const host = await createHost({ ...sectionOf(pair), client_secret: "of-another-app" }, { clock });
    const errors = await Promise.all(Array.from({ length: 3 }, () => failure(host, replyOf("hi"))));
    errors.push(await failure(host, replyOf("hi")));
    await host.stop();
    expect(platform.calls).toEqual({ [TOKEN]: 1 });
    for (const error of errors) {
      expect(error).toBeInstanceOf(UnreachableError);
      expect((error as Error).message).toContain("check client_id and client_secret");
      expect((error as Error).message).not.toContain("of-another-app");
    }
  });
});

describe("refusals of the robot API", () => {
  test.each<[string, unknown]>([
    ["403 Forbidden.AccessDenied.QpsLimitForApi", { retryAfterMs: 2000 }],
    ["403 Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", { retryAfterMs: 2000 }],
    ["400 send.too.fast", { retryAfterMs: 2000 }],
    ["429 any", { retryAfterMs: 2000 }],
    ["403 Forbidden.AccessDenied.ApiCountLimitForOrg", { code: "CLAWDBOT_ERR_DELIVERY_REJECTED" }],
    ["403 Forbidden.AccessDenied.AccessTokenPermissionDenied", { code: "CLAWDBOT_ERR_UNREACHABLE" }],
    ["404 resource.not.found", { code: "CLAWDBOT_ERR_UNREACHABLE" }],
    ["400 staffId.notExisted", { code: "CLAWDBOT_ERR_DELIVERY_REJECTED", platformCode: "staffId.notExisted" }],
    ["401 any", { code: "CLAWDBOT_ERR_UNREACHABLE" }],
    ["500 unknownError", { code: "CLAWDBOT_ERR_PLATFORM", retryable: true }],
    ["504 gateway.timeout", { code: "CLAWDBOT_ERR_PLATFORM", retryable: true }],
  ])("%s", async (code, expected) => {
    const { platform } = await setup();
    platform.fault({ kind: "error", code });
    const error = (await fail("hi")) as Error;
    expect(error).toMatchObject(expected as object);
    expect(error.message).toContain(code.split(" ")[1]);
    expect(error.message).toContain("SIMULATED-0001");
  });

  test("a QPS limit holds back all conversations, without further calls", async () => {
    const { platform } = await setup();
    platform.fault({ kind: "rate-limit", times: 1 });
    await fail("hi");
    await clock.advance(1500);
    expect(await fail("hi", "u2")).toMatchObject({ retryAfterMs: 500 });
    expect(platform.calls[BATCH]).toBe(1);
    await clock.advance(500);
    await send("hi", "u2");
    await send("hi", { group: "cidG" });
  });

  test("a call that broke off may have arrived; one to nobody did not", async () => {
    const { platform } = await setup({ ioTimeoutMs: 300 });
    await send("first");
    platform.fault({ kind: "timeout-after-success", times: 1 });
    expect(await fail("hi")).toMatchObject({ code: "CLAWDBOT_ERR_TIMEOUT" });
    platform.fault({ kind: "reset", times: 1 });
    expect(await fail("hi")).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM" });
    platform.fault({ kind: "refuse" });
    while (!((await fail("hi")) instanceof UnreachableError));
    platform.fault(null);
  });
});

describe("refusals of a webhook", () => {
  test.each<[string | number, unknown]>([
    [-1, { code: "CLAWDBOT_ERR_PLATFORM", retryable: true }],
    [400_105, { code: "CLAWDBOT_ERR_DELIVERY_REJECTED", platformCode: "400105" }],
    [310_000, { code: "CLAWDBOT_ERR_DELIVERY_REJECTED" }],
    [90_020, { code: "CLAWDBOT_ERR_DELIVERY_REJECTED" }],
    [130_101, { retryAfterMs: 600_000 }],
    [410_100, { retryAfterMs: 600_000 }],
  ])("%s", async (code, expected) => {
    const { platform } = await setup();
    await platform.say({ from: "$:guest", text: "hi" });
    platform.fault({ kind: "error", code });
    expect(await fail("hi", "$:guest")).toMatchObject(expected as object);
  });

  test("the gateway's limiter answers 200 without a code, and has not sent anything", async () => {
    const { platform } = await setup();
    await platform.say({ from: "$:guest", text: "hi" });
    platform.fault({ kind: "rate-limit", ms: 5000, times: 1 });
    expect(await fail("hi", "$:guest")).toMatchObject({ retryAfterMs: 5000 });
  });

  test("a group's session that has said enough for a minute gives way to the robot API", async () => {
    const { platform } = await setup({ rateLimits: true });
    await platform.say({ from: "u1", group: "cidG", text: "hi" });
    const ways = [];
    for (let n = 0; n < 25; n++) ways.push((await send(`reply ${n}`, { group: "cidG" })).detail);
    expect(ways).toEqual([...Array(20).fill("session"), ...Array(5).fill("robot")]);
    expect(platform.calls[SESSION]).toBe(20);
    await clock.advance(60_000);
    expect(await send("later", { group: "cidG" })).toMatchObject({ detail: "session" });
  });
});
