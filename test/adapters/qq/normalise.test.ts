import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Frame, parseFrame } from "../../../adapters/qq/event.ts";
import { normalise } from "../../../adapters/qq/normalise.ts";
import { VerifyError } from "../../../src/errors.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const frames = JSON.parse(readFileSync(new URL("../../fixtures/qq/frames.json", import.meta.url), "utf8")) as Record<string, Frame>;
const read = (name: string) => normalise(parseFrame(JSON.stringify(frames[name])), "default", NOW);
const direct = (d: Record<string, unknown>) =>
  normalise({ op: 0, t: "C2C_MESSAGE_CREATE", d: { id: "m1", author: { user_openid: "u1" }, ...d } }, "default", NOW);

test("a direct message, as the documentation shows it", () => {
  expect(read("direct")).toEqual({
    account: "default",
    platformId: "ROBOT1.0_.b6nx.CVryAO0nR58RXuU6SC.m92gc19j02qKqdm8ek!",
    conversation: { id: "E4F4AEA33253A2797FB897C50B81D7ED", type: "direct" },
    sender: { id: "E4F4AEA33253A2797FB897C50B81D7ED" },
    contentType: "text",
    text: "123",
    segments: [{ type: "text", text: "123" }],
    mentionsBot: true,
    sentAt: Date.parse("2023-11-06T13:37:18+08:00"),
    raw: { t: "C2C_MESSAGE_CREATE", id: frames.direct!.id, d: frames.direct!.d },
  });
});

test("a message to the bot in a group loses the blank before it and keeps its sender's role", () => {
  expect(read("group")).toMatchObject({
    conversation: { id: "C9F778FE6ADF9D1D1DBE395BF744A33A", type: "group" },
    sender: { id: "E4F4AEA33253A2797FB897C50B81D7ED", isAdmin: true },
    text: "/今日天气",
    segments: [{ type: "text", text: " /今日天气 " }],
    mentionsBot: true,
  });
});

test("what is said in a group to nobody is no mention, unless the bot is among those mentioned", () => {
  const group = (mentions: unknown[]) =>
    normalise(
      { op: 0, t: "GROUP_MESSAGE_CREATE", d: { id: "m", group_openid: "g", author: { member_openid: "u" }, content: "hi", mentions } },
      "default",
      NOW,
    );
  expect(group([])).toMatchObject({ mentionsBot: false });
  expect(group([{ member_openid: "b", is_you: true }])).toMatchObject({ mentionsBot: true });
});

test("a message in a guild: tags become mentions, entities text, and the bot's own mention is left out of it", () => {
  expect(read("guild")).toMatchObject({
    conversation: { id: "channel:100010", type: "group" },
    sender: { id: "16111", name: "小明", isAdmin: true },
    text: "/echo a < b @Ann",
    segments: [
      { type: "quote", id: "quoted-1" },
      { type: "mention", id: "10000", name: "bot" },
      { type: "text", text: " /echo a < b " },
      { type: "mention", id: "222", name: "Ann" },
    ],
    replyTo: "quoted-1",
    mentionsBot: true,
  });
});

test("direct messages of a guild are a chat of their own kind", () => {
  expect(read("guildDirect")).toMatchObject({
    conversation: { id: "dm:18700", type: "direct" },
    sender: { id: "16111" },
    mentionsBot: true,
  });
});

test("what bots write is left out: two of them would never stop", () => {
  expect(direct({ content: "hi", author: { user_openid: "u1", bot: true } })).toBeUndefined();
});

describe("content", () => {
  test("images and files come with a whole address", () => {
    const attachments = [
      { content_type: "image/png", url: "gchat.qpic.cn/a", filename: "a.png", size: 7 },
      { content_type: "file", url: "//cdn.test/b" },
      { content_type: "video/mp4", url: "http://cdn.test/c" },
    ];
    expect(direct({ content: "see", attachments })).toMatchObject({
      contentType: "mixed",
      segments: [
        { type: "text", text: "see" },
        { type: "image", url: "https://gchat.qpic.cn/a", name: "a.png", mime: "image/png", size: 7 },
        { type: "file", url: "https://cdn.test/b" },
        { type: "video", url: "http://cdn.test/c" },
      ],
    });
    expect(direct({ content: "", attachments: [attachments[0]] })).toMatchObject({ contentType: "image", text: "" });
  });

  test("a voice is what the platform understood of it", () => {
    const voice = { content_type: "voice", url: "https://cdn.test/v.amr", voice_wav_url: "https://cdn.test/v.wav", asr_refer_text: "你好" };
    expect(direct({ content: "", attachments: [voice] })).toMatchObject({
      contentType: "voice",
      text: "你好",
      segments: [{ type: "voice", url: "https://cdn.test/v.wav" }],
    });
  });

  test("faces are words, cards their title, quotes their index", () => {
    const ext = Buffer.from('{"text":"微笑"}').toString("base64");
    expect(direct({ content: `<faceType=1,faceId="13",ext="${ext}">好` })).toMatchObject({ text: "[微笑]好" });
    expect(direct({ content: '<faceType=1,faceId="13",ext="%%">' })).toMatchObject({ text: "[表情]" });
    expect(direct({ content: " ", message_type: 3, ark_data: { prompt: "[分享] 音乐" } })).toMatchObject({ text: "[分享] 音乐" });
    const message_scene = { source: "default", ext: ["msg_idx=REFIDX_1", "ref_msg_idx=REFIDX_0"] };
    expect(direct({ content: "so", message_scene })).toMatchObject({
      replyTo: "REFIDX_0",
      segments: [{ type: "quote", id: "REFIDX_0" }, {}],
    });
  });

  test("a time that cannot be read is now", () => {
    expect(direct({ content: "hi", timestamp: "yesterday" })).toMatchObject({ sentAt: NOW });
  });
});

describe("an event", () => {
  test.each([
    ["FRIEND_ADD", { timestamp: 1, openid: "u1" }, "event:", { id: "u1", type: "direct" }],
    ["GROUP_ADD_ROBOT", { timestamp: 1, group_openid: "g1", op_member_openid: "u1" }, "event:", { id: "g1", type: "group" }],
    ["GROUP_DEL_ROBOT", { timestamp: 1, group_openid: "g1", op_member_openid: "u1" }, "notice:", { id: "g1", type: "group" }],
    ["GROUP_MEMBER_ADD", { timestamp: 1, group_openid: "g1", member_openid: "u1" }, "notice:", { id: "g1", type: "group" }],
  ])("%s is a message of that kind", (t, d, prefix, conversation) => {
    expect(normalise({ op: 0, id: `${t}:1`, t, d }, "default", NOW)).toMatchObject({
      platformId: `${prefix}${t}:1`,
      conversation,
      sender: { id: "u1" },
      contentType: "event",
      sentAt: 1000,
    });
  });

  test.each(["READY", "CHANNEL_CREATE", "MESSAGE_AUDIT_PASS", "SOMETHING_NEW"])("%s is none", (t) => {
    expect(normalise({ op: 0, t, d: {} }, "default", NOW)).toBeUndefined();
  });
});

test.each([
  [{}],
  [{ id: "m1" }],
  [{ id: "m1", author: null }],
  [{ id: 5, author: { user_openid: "u1" } }],
  [{ id: "m1", author: { user_openid: "" } }],
])("%j is no message", (d) => {
  expect(() => normalise({ op: 0, t: "C2C_MESSAGE_CREATE", d }, "default", NOW)).toThrow(VerifyError);
});

test("whatever comes, it is a message, none, or refused: anything else would come again and again", () => {
  const word = fc.constantFrom("u1", "", "<@!1>", "x=1", "ref_msg_idx=R", "image/png", "2023-11-06T13:37:18+08:00");
  const value: fc.Arbitrary<unknown> = fc.oneof({ depthSize: "small" }, word, fc.jsonValue(), fc.constant({ toString: 1, valueOf: 1 }));
  const names = [
    "id",
    "user_openid",
    "member_openid",
    "bot",
    "is_you",
    "username",
    "nick",
    "roles",
    "member_role",
    "url",
    "content_type",
    "ext",
    "prompt",
  ];
  const object = fc.dictionary(fc.constantFrom(...names), value);
  const fields = fc.record(
    {
      id: fc.oneof(word, value),
      author: fc.oneof(object, fc.constant({ user_openid: "u", member_openid: "m", id: "i" }), value),
      content: value,
      timestamp: value,
      group_openid: fc.oneof(word, value),
      channel_id: word,
      guild_id: word,
      openid: word,
      user_openid: word,
      mentions: fc.oneof(fc.array(object), value),
      attachments: fc.oneof(fc.array(object), value),
      member: fc.oneof(object, value),
      message_scene: fc.oneof(fc.record({ ext: fc.array(value) }), value),
      message_reference: value,
      ark_data: fc.oneof(object, value),
      data: value,
    },
    { requiredKeys: [] },
  );
  const kinds = [
    "C2C_MESSAGE_CREATE",
    "GROUP_MESSAGE_CREATE",
    "AT_MESSAGE_CREATE",
    "DIRECT_MESSAGE_CREATE",
    "INTERACTION_CREATE",
    "FRIEND_ADD",
  ];
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.oneof(fields, value), (t, d) => {
      try {
        const message = normalise({ op: 0, t, d }, "default", NOW);
        expect(typeof (message?.platformId ?? "")).toBe("string");
      } catch (error) {
        expect(error).toBeInstanceOf(VerifyError);
      }
    }),
    { numRuns: 2000 },
  );
});
