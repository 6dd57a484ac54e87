import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { guildDirectConversation } from "../../../adapters/qq/target.ts";
import { ClawdbotError, RateLimitError, RejectedError, UnreachableError } from "../../../src/errors.ts";
import type { Reply, Segment } from "../../../src/message.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { attempt, group, type Pair, reply, startPair, user } from "./host.ts";

let pair: Pair;
let clock: FakeClock;

beforeEach(async () => {
  clock = fakeClock(Date.now());
  pair = await startPair({ clock, section: { mode: "webhook" } });
});
afterEach(() => pair.stop());

const send = (content: string | Segment[], about: Partial<Reply> = {}) => pair.adapter.send(reply(content, about), attempt());
const failure = (content: string | Segment[] = "hi", about: Partial<Reply> = {}) =>
  send(content, about).then(
    () => "sent",
    (error: unknown) => error,
  );
const bodies = () => pair.platform.sent.map(({ raw }) => raw);
const guild = { conversation: { id: "channel:c1", type: "group" as const } };

describe("content", () => {
  test.each<[string, Segment[], Partial<Reply>, Record<string, unknown>]>([
    ["text", [{ type: "text", text: "你好 <b>" }], {}, { msg_type: 0, content: "你好 <b>" }],
    ["markdown", [{ type: "markdown", text: "**hi**" }], {}, { msg_type: 2, markdown: { content: "**hi**" } }],
    ["markdown for a guild", [{ type: "markdown", text: "**hi**" }], guild, { content: "**hi**" }],
    ["text for a guild", [{ type: "text", text: "a < b & <@all>" }], guild, { content: "a &lt; b &amp; &lt;@all&gt;" }],
    [
      "a mention in a group",
      [
        { type: "mention", id: "ABC", name: "Ann" },
        { type: "text", text: " hi" },
      ],
      { conversation: group("g1") },
      { msg_type: 0, content: '<qqbot-at-user id="ABC" /> hi' },
    ],
    ["a mention in a guild", [{ type: "mention", id: "42" }], guild, { content: "<@42>" }],
    ["a mention of everybody", [{ type: "mention", all: true }], { conversation: group("g1") }, { msg_type: 0, content: "@all" }],
    [
      "a quote in a guild",
      [
        { type: "quote", id: "q1" },
        { type: "text", text: "so" },
      ],
      guild,
      { content: "so", message_reference: { message_id: "q1" } },
    ],
    ["an image in a guild", [{ type: "image", url: "https://cdn.test/a.png" }], guild, { image: "https://cdn.test/a.png" }],
  ])("%s", async (_name, segments, about, body) => {
    expect(await send(segments, about)).toMatchObject({ platformId: expect.stringContaining("ROBOT1.0_") });
    expect(bodies()).toEqual([body]);
  });

  test("text of users and models becomes no tag of the platform", async () => {
    await send('<qqbot-at-everyone /> <qqbot-cmd-enter text="/pay" /> <@!1>', { conversation: group("g1") });
    await send([{ type: "mention", id: 'x" /><qqbot-at-everyone' }], { conversation: group("g1") });
    for (const body of bodies()) expect(JSON.stringify(body)).not.toMatch(/<qqbot|<@/);
  });

  test("a reply goes to the chat that it belongs to", async () => {
    await send("1");
    await send("2", { conversation: group("g/1") });
    await send("3", guild);
    await send("4", { conversation: guildDirectConversation("7") });
    expect(pair.platform.sent.map(({ conversation }) => conversation)).toEqual(["u1", "g/1", "channel:c1", "dm:7"]);
  });

  test("a reply without content is rejected without a call", async () => {
    expect(await failure([])).toBeInstanceOf(RejectedError);
    expect(pair.platform.calls).toEqual({});
  });
});

describe("media", () => {
  test("go up first, by address or as they are, and then into the message", async () => {
    await send([{ type: "image", data: Buffer.from("png").toString("base64"), name: "a.png" }]);
    await send([{ type: "video", url: "https://cdn.test/v.mp4" }], { id: "second" });
    expect(bodies()).toMatchObject([
      { msg_type: 7, media: { file_info: "simulated-file-1" } },
      { msg_type: 7, media: { file_info: "simulated-file-2" } },
    ]);
    expect(pair.platform.files.received).toEqual([{ name: "a.png", bytes: Buffer.from("png") }, { bytes: "https://cdn.test/v.mp4" }]);
  });

  test("that are large go up in parts, and a part that got lost goes again", async () => {
    const file = Buffer.alloc(5 * 1024 * 1024 + 17, "0123456789");
    pair.platform.files.lostParts = 1;
    await send([{ type: "file", data: file.toString("base64"), name: "large.bin" }]);
    expect(pair.platform.files.received[0]).toMatchObject({ name: "large.bin" });
    expect(file.equals(pair.platform.files.received[0]!.bytes as Buffer)).toBe(true);
    expect(pair.platform.calls).toMatchObject({ upload_prepare: 1, put: 4, upload_part_finish: 4, files: 1, messages: 1 });
  });

  test("are not uploaded again for a second try, unless the handle is refused", async () => {
    const image: Segment[] = [{ type: "image", data: "cG5n" }];
    pair.platform.fault({ kind: "rate-limit", times: 1, ms: 1000 });
    expect(await failure(image)).toBeInstanceOf(RateLimitError);
    await clock.advance(1000);
    pair.platform.fault({ kind: "error", code: 40034004, times: 1 });
    expect(await failure(image)).toBeInstanceOf(UnreachableError);
    await send(image);
    expect(pair.platform.calls).toMatchObject({ files: 2, messages: 3 });
  });
});

describe("a refusal of the platform", () => {
  test.each([
    ...[40034006, 40034101, 40034102, 40054002, 40054003, 40054004, 40054007, 40054013].map((code) => [code, RejectedError] as const),
    ...[22006, 22009, 20028, 40034100].map((code) => [code, RateLimitError] as const),
    ...[11281, 40054016].map((code) => [code, UnreachableError] as const),
    ...[50055001, 50006, 99999999].map((code) => [code, ClawdbotError] as const),
  ])("%i", async (code, kind) => {
    pair.platform.fault({ kind: "error", code, times: 1 });
    const error = await failure();
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(String(code));
    expect((error as Error).message).toContain("trace simulated-trace");
    if (kind === ClawdbotError) expect(error).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: true });
    if (error instanceof RejectedError) expect(error.platformCode).toBe(String(code));
    expect(pair.platform.calls).toEqual({ getAppAccessToken: 1, messages: 1 });
  });

  test("of a link has the text sent without links, and says what to do", async () => {
    const text = "see https://example.com/a?b=c, docs.example.cn and e.g. 3.14";
    expect(await failure(text)).toBeInstanceOf(UnreachableError);
    await send(text);
    expect(pair.platform.sent.map((sent) => sent.text)).toEqual(["see example[.]com/a?b=c, docs[.]example[.]cn and e.g. 3.14"]);
    expect(pair.logged.map(({ message }) => message).join()).toContain("must be registered");
    expect(JSON.stringify(pair.logged)).not.toContain("example");
    pair.platform.messages.domains.add("example.com");
    await send("https://example.com/b");
    expect(pair.platform.sent.at(-1)!.text).toBe("https://example.com/b");
  });

  test("of markdown has it sent as text", async () => {
    const segments: Segment[] = [{ type: "markdown", text: "**hi**" }];
    pair.platform.fault({ kind: "error", code: 40034124, times: 1 });
    expect(await failure(segments)).toBeInstanceOf(UnreachableError);
    await send(segments);
    expect(bodies()).toEqual([{ msg_type: 0, content: "**hi**" }]);
  });

  test("that stays the same in the other form is final", async () => {
    pair.platform.fault({ kind: "error", code: 40054010 });
    expect(await failure()).toBeInstanceOf(UnreachableError);
    expect(await failure()).toBeInstanceOf(RejectedError);
  });

  test("for calling too fast holds up all chats, for as long as it says", async () => {
    pair.platform.fault({ kind: "rate-limit", times: 1, ms: 30_000 });
    expect(await failure()).toMatchObject({ retryAfterMs: 30_000 });
    await clock.advance(20_000);
    expect(await failure("hi", { conversation: user("u2") })).toMatchObject({ retryAfterMs: 10_000 });
    expect(pair.platform.calls.messages).toBe(1);
    await clock.advance(10_000);
    await send("hi", { conversation: user("u2") });
  });

  test("of the access token costs one more call, and of its successor too is said", async () => {
    await send("1");
    pair.platform.fault({ kind: "unauthorised", times: 1 });
    await send("2");
    expect(pair.platform.calls).toMatchObject({ getAppAccessToken: 2, messages: 3 });
    expect(pair.hidden).toHaveLength(2);
  });
});

test("202 is no success: the reply is in audit, and its refusal is told later", async () => {
  pair.platform.fault({ kind: "error", code: 304023, times: 1 });
  expect(await send("hi", guild)).toEqual({ detail: "in audit simulated-audit" });
  await pair.platform.emit({ t: "MESSAGE_AUDIT_REJECT", d: { audit_id: "simulated-audit" } });
  expect(pair.logged.at(-1)).toMatchObject({ message: "a reply did not pass the platform's audit", fields: { audit: "simulated-audit" } });
});

test.each(["server-error", "reset"] as const)("%s may have arrived", async (kind) => {
  await send("first");
  pair.platform.fault({ kind, times: 1 });
  expect(await failure()).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: true });
});

describe("the access token", () => {
  test("is asked for once by all who need it, and renewed before it ends", async () => {
    await Promise.all([send("1"), send("2", { id: "2" }), send("3", { id: "3" })]);
    await clock.advance(6800_000);
    await send("4");
    expect(pair.platform.calls.getAppAccessToken).toBe(1);
    await clock.advance(360_000);
    await send("5");
    await send("6");
    expect(pair.platform.calls.getAppAccessToken).toBe(2);
  });

  test("that cannot be had means that nothing was sent, and is not asked for at will", async () => {
    pair.platform.fault({ kind: "server-error" });
    expect(await failure()).toBeInstanceOf(UnreachableError);
    expect(await failure()).toBeInstanceOf(UnreachableError);
    expect(pair.platform.calls).toEqual({ getAppAccessToken: 1 });
    pair.platform.fault(null);
    await clock.advance(2000);
    await send("hi");
  });
});

test("a pressed button is a message, and its spinner ends", async () => {
  const d = {
    id: "i1",
    type: 11,
    scene: "c2c",
    chat_type: 2,
    user_openid: "u1",
    data: { type: 11, resolved: { button_data: "/echo pressed" } },
  };
  const { acked, id } = await pair.platform.emit({ t: "INTERACTION_CREATE", d }, "u1");
  expect(acked).toBe(true);
  expect(pair.received).toMatchObject([{ text: "/echo pressed", contentType: "text", mentionsBot: true }]);
  await send("pressed", { replyTo: pair.received[0]!.platformId, askedAt: clock.now() });
  expect(bodies()).toMatchObject([{ event_id: id, msg_seq: 1 }]);
  expect(pair.platform.calls.interactions).toBe(1);
});
