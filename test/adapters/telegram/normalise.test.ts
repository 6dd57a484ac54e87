import { describe, expect, test } from "vitest";
import { normalise } from "../../../adapters/telegram/normalise.ts";
import type { TelegramMessage, Update } from "../../../adapters/telegram/types.ts";

const BOT = { id: "42", username: "My_Bot" };
const GROUP = { id: -1001234567890, type: "supergroup" as const, title: "G" };
const LI = { id: 1111, is_bot: false, first_name: "Li", last_name: "Wei", username: "li", language_code: "zh-hans" };

const of = (update: Omit<Update, "update_id">) => normalise({ update_id: 10, ...update }, "default", BOT, 777);
const said = (message: Partial<TelegramMessage>) =>
  of({ message: { message_id: 88, date: 1_756_000_009, chat: GROUP, from: LI, ...message } })!;

/** With the entities that Telegram finds. */
function written(text: string, type: string, word: string, more: object = {}): Partial<TelegramMessage> {
  return { text, entities: [{ type, offset: text.indexOf(word), length: word.length, ...more }] };
}

test("a direct message", () => {
  const update = {
    message: {
      message_id: 365,
      date: 1_756_000_000,
      chat: { id: 1111, type: "private" as const, first_name: "Li" },
      from: LI,
      text: "你好",
    },
  };
  expect(of(update)).toEqual({
    account: "default",
    platformId: "1111:365",
    conversation: { id: "1111", type: "direct" },
    sender: { id: "1111", name: "Li Wei", locale: "zh-hans" },
    contentType: "text",
    text: "你好",
    segments: [{ type: "text", text: "你好" }],
    mentionsBot: true,
    sentAt: 1_756_000_000_000,
    raw: { update_id: 10, ...update },
  });
});

describe("in a group the bot is addressed", () => {
  test.each<[string, Partial<TelegramMessage>, string]>([
    ["by its name", written("@My_Bot hi", "mention", "@My_Bot"), "hi"],
    ["by its name in another case", written("@my_BOT hi", "mention", "@my_BOT"), "hi"],
    ["by its name in the middle", written("hello @my_bot there", "mention", "@my_bot"), "hello there"],
    ["by its name at the end", written("hello @my_bot", "mention", "@my_bot"), "hello"],
    ["by its name alone", written("@my_bot", "mention", "@my_bot"), ""],
    ["after an emoji of two units", written("👍🏽 @my_bot ok", "mention", "@my_bot"), "👍🏽 ok"],
    ["by id", written("Bot do it", "text_mention", "Bot", { user: { id: 42, is_bot: true, first_name: "Bot" } }), "do it"],
    ["by a command with its name", written("/echo@MY_bot hi", "bot_command", "/echo@MY_bot"), "/echo hi"],
    ["in a caption", { photo: [], caption: "@my_bot look", caption_entities: [{ type: "mention", offset: 0, length: 7 }] }, "look"],
    [
      "by a reply to it",
      { text: "yes", reply_to_message: { message_id: 7, date: 1, chat: GROUP, from: { id: 42, is_bot: true, first_name: "B" } } },
      "yes",
    ],
  ])("%s", (_name, message, text) => {
    expect(said(message)).toMatchObject({ mentionsBot: true, text });
  });

  test("by name and command together", () => {
    const text = "@my_bot /echo@my_bot hi";
    const entities = [
      { type: "bot_command", offset: 8, length: 12 },
      { type: "mention", offset: 0, length: 7 },
    ];
    expect(said({ text, entities })).toMatchObject({ mentionsBot: true, text: "/echo hi" });
  });

  test.each<[string, Partial<TelegramMessage>, string]>([
    ["nobody's name", { text: "hi" }, "hi"],
    ["a name that only begins like the bot's", written("@my_bot2 hi", "mention", "@my_bot2"), "@my_bot2 hi"],
    ["the name without an entity, as in an address", { text: "mail me@my_bot hi" }, "mail me@my_bot hi"],
    ["a command for another bot", written("/echo@other_bot hi", "bot_command", "/echo@other_bot"), "/echo@other_bot hi"],
    ["a bare command", written("/echo hi", "bot_command", "/echo"), "/echo hi"],
    ["somebody else by id", written("Ann hi", "text_mention", "Ann", { user: LI }), "Ann hi"],
    ["an entity beyond the text", { text: "hi", entities: [{ type: "mention", offset: 0, length: 99 }] }, "hi"],
  ])("but not by %s", (_name, message, text) => {
    expect(said(message)).toMatchObject({ mentionsBot: false, text });
  });

  test("and the segments keep what was written", () => {
    expect(said(written("hello @my_bot there", "mention", "@my_bot")).segments).toEqual([
      { type: "text", text: "hello " },
      { type: "mention", name: "my_bot", id: "42" },
      { type: "text", text: " there" },
    ]);
  });
});

test("a topic is part of its group and is answered there; a thread of replies is no topic", () => {
  expect(said({ text: "hi", message_thread_id: 5, is_topic_message: true }).conversation).toEqual({
    id: "-1001234567890",
    type: "group",
    title: "G",
    topic: "5",
  });
  expect(said({ text: "hi", message_thread_id: 5 }).conversation).not.toHaveProperty("topic");
});

test("what is quoted is named by its platform id", () => {
  const reply_to_message = { message_id: 7, date: 1, chat: GROUP };
  expect(said({ text: "hi", reply_to_message })).toMatchObject({
    replyTo: "-1001234567890:7",
    segments: [
      { type: "quote", id: "-1001234567890:7" },
      { type: "text", text: "hi" },
    ],
  });
});

describe("media", () => {
  const file = (id: string) => ({ file_id: id, file_unique_id: id, file_size: 10, mime_type: "a/b" });
  test.each<[string, Partial<TelegramMessage>, string, object]>([
    ["the largest photo", { photo: [file("small"), file("large")] }, "image", { type: "image", ref: "large" }],
    [
      "a document",
      { document: { ...file("d"), file_name: "a.pdf" } },
      "file",
      { type: "file", ref: "d", name: "a.pdf", size: 10, mime: "a/b" },
    ],
    ["an animation, which is a document as well", { animation: file("a"), document: file("a") }, "video", { type: "video", ref: "a" }],
    ["a voice", { voice: file("v") }, "voice", { type: "voice", ref: "v" }],
    ["music", { audio: file("m") }, "file", { type: "file", ref: "m" }],
    ["a round video", { video_note: file("n") }, "video", { type: "video", ref: "n" }],
    ["a sticker", { sticker: file("s") }, "image", { type: "image", ref: "s" }],
    ["a place", { location: { latitude: 1, longitude: 2 } }, "location", { type: "location", latitude: 1, longitude: 2 }],
    [
      "a place with a name",
      { venue: { location: { latitude: 1, longitude: 2 }, title: "Café" }, location: { latitude: 1, longitude: 2 } },
      "location",
      { type: "location", title: "Café" },
    ],
  ])("%s", (_name, message, contentType, segment) => {
    const { contentType: found, segments, text } = said(message);
    expect([found, text]).toEqual([contentType, ""]);
    expect(segments).toMatchObject([segment]);
    expect(segments[0]).not.toHaveProperty("url");
  });

  test("with a caption is mixed", () => {
    expect(said({ photo: [file("p")], caption: "look" })).toMatchObject({ contentType: "mixed", text: "look" });
  });
});

describe("senders", () => {
  test("other bots are not heard", () => {
    expect(of({ message: { message_id: 1, date: 1, chat: GROUP, from: { ...LI, is_bot: true }, text: "loop" } })).toBeUndefined();
  });

  test("an anonymous administrator is the group itself, and an administrator", () => {
    const from = { id: 1087968824, is_bot: true, first_name: "Group" };
    expect(said({ from, sender_chat: GROUP, text: "hi" }).sender).toEqual({ id: "-1001234567890", name: "G", isAdmin: true });
  });

  test("a channel that writes in a group is no administrator of it", () => {
    const sender_chat = { id: -100999, type: "channel" as const, title: "News" };
    expect(said({ sender_chat, text: "hi" }).sender).toEqual({ id: "-100999", name: "News", isAdmin: false });
  });

  test("a channel post comes from its channel", () => {
    const chat = { id: -100999, type: "channel" as const, title: "News" };
    expect(of({ channel_post: { message_id: 3, date: 1, chat, text: "hi" } })).toMatchObject({
      sender: { id: "-100999" },
      conversation: { id: "-100999", type: "group" },
      mentionsBot: false,
    });
  });
});

describe("events", () => {
  const chat = { id: 1111, type: "private" as const, first_name: "Li" };

  test("an edit says which message it changes, is told from a further edit, and has no text that could be answered twice", () => {
    const edited_message = { message_id: 365, date: 1, edit_date: 5, chat, from: LI, text: "/echo again" };
    expect(of({ edited_message })).toMatchObject({
      platformId: "1111:365:10",
      replyTo: "1111:365",
      contentType: "event",
      text: "",
      segments: [],
      mentionsBot: false,
      sentAt: 5000,
    });
  });

  test("a pressed button says what it carries", () => {
    const callback_query = { id: "4382", from: LI, message: { message_id: 90, date: 0, chat }, data: "ok:1" };
    expect(of({ callback_query })).toMatchObject({
      platformId: "callback:4382",
      conversation: { id: "1111", type: "direct" },
      sender: { id: "1111" },
      contentType: "event",
      text: "ok:1",
      mentionsBot: true,
      replyTo: "1111:90",
      sentAt: 777,
    });
    expect(of({ callback_query: { id: "1", from: LI } })).toMatchObject({ conversation: { id: "1111", type: "direct" }, text: "" });
  });

  test("a block by the user, and who joins", () => {
    expect(of({ my_chat_member: { chat, from: LI, date: 9 } })).toMatchObject({
      platformId: "update:10",
      contentType: "event",
      sentAt: 9000,
    });
    expect(said({ new_chat_members: [LI] } as Partial<TelegramMessage>)).toMatchObject({ contentType: "event", text: "" });
  });

  test("kinds that were not asked for are nobody's", () => {
    expect(of({ poll: {} } as never)).toBeUndefined();
  });
});
