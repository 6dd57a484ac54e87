import { afterEach, describe, expect, test } from "vitest";
import { createCallbacks } from "../../../adapters/dingtalk/simulator-callbacks.ts";
import { RateLimitError, RejectedError, UnreachableError } from "../../../src/errors.ts";
import type { Segment } from "../../../src/message.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { attempt, createHost, failure, memoryKeyValue, type Pair, replyOf, startPair } from "./host.ts";

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

describe("content", () => {
  const button = (title: string) => `[${title}](https://example.com/${title})`;
  const markdown = (text: string): Segment[] => [{ type: "markdown", text }];

  test.each<[string, Segment[], Record<string, unknown>]>([
    ["text", [{ type: "text", text: "你好" }], { msgtype: "text", text: { content: "你好" }, at: { atUserIds: [], isAtAll: false } }],
    [
      "text that mentions",
      [
        { type: "mention", id: "u7" },
        { type: "text", text: "look" },
        { type: "mention", all: true },
      ],
      { msgtype: "text", text: { content: "@u7 look@all " }, at: { atUserIds: ["u7"], isAtAll: true } },
    ],
    [
      "markdown",
      markdown("## **Title** of it\n\nmore"),
      {
        msgtype: "markdown",
        markdown: { title: "Title of it", text: "## **Title** of it\n\nmore" },
        at: { atUserIds: [], isAtAll: false },
      },
    ],
    [
      "an action card with one button",
      markdown(`# Pay\nnow?\n\n---\n${button("yes")}`),
      {
        msgtype: "actionCard",
        actionCard: { title: "Pay", text: "# Pay\nnow?", singleTitle: "yes", singleURL: "https://example.com/yes" },
      },
    ],
    [
      "an action card with two buttons",
      markdown(`Pay?\n\n---\n${button("yes")}\n${button("no")}\n`),
      {
        msgtype: "actionCard",
        actionCard: {
          ...{ title: "Pay?", text: "Pay?", btnOrientation: "0" },
          btns: [
            { title: "yes", actionURL: "https://example.com/yes" },
            { title: "no", actionURL: "https://example.com/no" },
          ],
        },
      },
    ],
  ])("%s goes through a session as the platform wants it", async (_name, segments, body) => {
    const { platform } = await setup();
    await platform.say({ from: "u1", text: "hi" });
    await send(segments);
    expect(sentRaw()).toEqual([body]);
  });

  test.each<[string, Segment[], string, Record<string, string>]>([
    ["text", [{ type: "text", text: "你好" }], "sampleText", { content: "你好" }],
    ["markdown", markdown("# A\nb"), "sampleMarkdown", { title: "A", text: "# A\nb" }],
    ["an image by address", [{ type: "image", url: "https://a.example/b.png" }], "sampleImageMsg", { photoURL: "https://a.example/b.png" }],
    ["an image by id", [{ type: "image", ref: "@lAD" }], "sampleImageMsg", { photoURL: "@lAD" }],
    ["an image", [{ type: "image", data: "aGk=" }], "sampleImageMsg", { photoURL: "@simulated-1" }],
    [
      "a file",
      [{ type: "file", data: "aGk=", name: "a.PDF" }],
      "sampleFile",
      { mediaId: "@simulated-1", fileName: "a.PDF", fileType: "pdf" },
    ],
    [
      "an action card",
      markdown(`Pay?\n\n---\n${button("yes")}\n${button("no")}`),
      "sampleActionCard2",
      {
        ...{ title: "Pay?", text: "Pay?", actionTitle1: "yes", actionURL1: "https://example.com/yes" },
        ...{ actionTitle2: "no", actionURL2: "https://example.com/no" },
      },
    ],
    [
      "a card with more buttons than there is a form for",
      markdown(`Pick\n\n---\n${["a", "b", "c", "d", "e", "f"].map(button).join("\n")}`),
      "sampleMarkdown",
      { title: "Pick", text: `Pick\n\n${["a", "b", "c", "d", "e", "f"].map((title) => `- ${button(title)}`).join("\n")}` },
    ],
  ])("%s goes through the robot API as the platform wants it", async (_name, segments, msgKey, msgParam) => {
    await setup();
    await send(segments, { group: "cidG" });
    const [raw] = sentRaw() as { msgKey: string; msgParam: string }[];
    expect([raw!.msgKey, JSON.parse(raw!.msgParam)]).toEqual([msgKey, msgParam]);
  });

  test("an image is shown, not linked to, even while there is a session; outside the organisation it is linked to", async () => {
    const { platform } = await setup();
    const image: Segment[] = [{ type: "image", url: "https://a.example/b.png", name: "b" }];
    await platform.say({ from: "u1", text: "hi" });
    expect(await send(image)).toMatchObject({ detail: "robot" });
    await platform.say({ from: "$:guest", text: "hi" });
    expect(await send(image, "$:guest")).toMatchObject({ detail: "session" });
    expect(platform.sent.at(-1)!.text).toBe("![b](https://a.example/b.png)");
    expect(await fail([{ type: "file", data: "aGk=" }], "$:guest")).toBeInstanceOf(RejectedError);
  });

  test("a file at an address is fetched through the guard and uploaded", async () => {
    const { host, platform } = await setup();
    const file: Segment[] = [{ type: "file", url: "https://a.example/report.pdf", name: "report.pdf" }];
    expect(await fail(file)).toMatchObject({ platformCode: "404" });
    host.fetched = () => ({ status: 503, headers: {}, body: Buffer.alloc(0) });
    expect(await fail(file)).toBeInstanceOf(UnreachableError);
    host.fetched = () => ({ status: 200, headers: {}, body: Buffer.from("%PDF") });
    await send(file);
    expect(platform.sent).toMatchObject([{ text: "@simulated-1" }]);
    platform.server.api.expireToken();
    await send(file);
    expect(platform.calls["/media/upload"]).toBe(3);
  });

  test("nothing is rejected without a call", async () => {
    const { platform } = await setup();
    expect(await fail([])).toBeInstanceOf(RejectedError);
    expect(platform.calls).toEqual({});
  });
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

function sectionOf({ platform }: Pair): Record<string, unknown> {
  const bases = { api_base: platform.apiBase, oapi_base: platform.apiBase };
  return { mode: "callback", client_id: "dingsimulated0123", client_secret: "simulated-app-secret", ...bases };
}

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

describe("a group robot that only sends", () => {
  const webhooks = { alerts: { access_token: "token-of-alerts", secret: "SECa1b2c3d4e5f6" }, plain: { access_token: "token-of-plain" } };
  const alerts = { group: "webhook:alerts" };

  test("signs its calls, and needs no app", async () => {
    const { host, platform } = await setup({ section: { webhooks } });
    await host.stop();
    const { api_base, oapi_base } = sectionOf(pair);
    pair = { platform, host: await createHost({ api_base, oapi_base, webhooks }, { clock }) };
    await pair.host.adapter.start();
    expect(pair.host.reports).toMatchObject([{ receiving: true }]);
    expect(await send("down!", alerts)).toEqual({ detail: "webhook" });
    expect(await send("up again", { group: "webhook:plain" })).toEqual({ detail: "webhook" });
    expect(platform.sent).toMatchObject([
      { conversation: "webhook:alerts", text: "down!" },
      { conversation: "webhook:plain", text: "up again" },
    ]);
    expect(await fail("hi", "u1")).toBeInstanceOf(RejectedError);
    expect(await fail("hi", { group: "webhook:nobody" })).toBeInstanceOf(RejectedError);
    expect(await fail("hi", { group: "webhook:constructor" })).toBeInstanceOf(RejectedError);
  });

  test("with a wrong secret, token or clock is the operator's to set right", async () => {
    await setup({ section: { webhooks } });
    const { platform } = pair;
    const bases = sectionOf(pair);
    const wrong = { alerts: { access_token: "token-of-alerts", secret: "SEC000000" }, plain: { access_token: "other-token" } };
    const late = fakeClock(clock.now() - 2 * 3_600_000);
    const [first, second] = [
      await createHost({ ...bases, webhooks: wrong }, { clock }),
      await createHost({ ...bases, webhooks }, { clock: late }),
    ];
    const why = async (host: typeof first, group: string) => {
      const error = await failure(host, replyOf("hi", { group }));
      expect(error).toBeInstanceOf(UnreachableError);
      return (error as Error).message;
    };
    expect(await why(first, "webhook:alerts")).toContain("check this robot's secret");
    expect(await why(first, "webhook:plain")).toContain("access_token");
    expect(await why(second, "webhook:alerts")).toContain("check this machine's clock");
    expect(platform.sent).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
  });

  test("never says more than twenty things a minute, so that the platform does not silence it for ten", async () => {
    const { platform } = await setup({ section: { webhooks }, rateLimits: true });
    for (let n = 0; n < 20; n++) {
      await send(`alert ${n}`, alerts);
      await clock.advance(100);
    }
    expect(await fail("one more", alerts)).toMatchObject({ retryAfterMs: 58_000 });
    expect(platform.calls["/robot/send"]).toBe(20);
    await send("another robot", { group: "webhook:plain" });
    await clock.advance(58_000);
    await send("one more", alerts);
  });

  test("that was silenced all the same is not tried again before its time", async () => {
    const { platform } = await setup({ section: { webhooks } });
    platform.fault({ kind: "error", code: 130_101, times: 1 });
    expect(await fail("hi", alerts)).toMatchObject({ retryAfterMs: 600_000 });
    await clock.advance(599_000);
    expect(await fail("hi", alerts)).toMatchObject({ retryAfterMs: 1000 });
    expect(platform.calls["/robot/send"]).toBe(1);
    await clock.advance(1000);
    await send("hi", alerts);
  });
});
