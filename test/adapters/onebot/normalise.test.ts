import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Fields } from "../../../adapters/onebot/frames.ts";
import { normalise } from "../../../adapters/onebot/normalise.ts";
import { groupEvent, privateEvent, SELF } from "./host.ts";

const NOW = 1_756_000_999_000;
const at = (qq: string) => ({ type: "at", data: { qq } });
const text = (written: string) => ({ type: "text", data: { text: written } });

function read(event: Fields, own: string[] = []) {
  return normalise({ event, text: JSON.stringify(event), account: SELF, now: NOW, isOwn: (id) => own.includes(id) });
}

describe("messages", () => {
  test("a private one, as a list and as a string", () => {
    const event = privateEvent(-2147, [text("hello")]);
    const expected = {
      account: SELF,
      platformId: "-2147",
      conversation: { id: "private:123456", type: "direct" },
      sender: { id: "123456", name: "Li" },
      contentType: "text",
      text: "hello",
      segments: [{ type: "text", text: "hello" }],
      mentionsBot: true,
      sentAt: 1_756_000_000_000,
    };
    expect(read(event)).toEqual({ ...expected, raw: event });
    expect(read(privateEvent(-2147, "hello"))).toMatchObject(expected);
    expect(read(privateEvent(-2147, { type: "text", data: { text: "hello" } }))).toMatchObject(expected);
  });

  test("one of a group that names the bot: the mention is stripped, in both forms", () => {
    for (const message of [[at(SELF), text(" /echo hi")], `[CQ:at,qq=${SELF}] /echo hi`]) {
      expect(read(groupEvent(7, message, { group_name: "Ops" }))).toMatchObject({
        conversation: { id: "777", type: "group", title: "Ops" },
        text: "/echo hi",
        mentionsBot: true,
        segments: [
          { type: "mention", id: SELF },
          { type: "text", text: " /echo hi" },
        ],
      });
    }
  });

  test("one of a group that does not, or that names everybody or somebody else", () => {
    expect(read(groupEvent(7, "hi"))).toMatchObject({ mentionsBot: false, text: "hi" });
    expect(read(groupEvent(7, [at("all"), text(" hi")]))).toMatchObject({ mentionsBot: false, text: "@all hi" });
    expect(read(groupEvent(7, [at("555"), text(" hi")]))).toMatchObject({ mentionsBot: false, text: "@555 hi" });
    expect(read(groupEvent(7, "&#91;CQ:at,qq=10001&#93; hi"))).toMatchObject({ mentionsBot: false, text: "[CQ:at,qq=10001] hi" });
  });

  test("a reply addresses the bot when it answers one of the bot's messages", () => {
    const event = groupEvent(7, [{ type: "reply", data: { id: 42 } }, text("yes")]);
    expect(read(event, ["42"])).toMatchObject({ mentionsBot: true, replyTo: "42", text: "yes" });
    expect(read(event, ["43"])).toMatchObject({ mentionsBot: false, replyTo: "42" });
  });

  test("ids may be numbers or strings, and strings stay what they are", () => {
    const event = groupEvent("abc-1", "hi", { self_id: SELF, user_id: "u1", group_id: "room", sender: { role: "owner" } });
    expect(read(event)).toMatchObject({ platformId: "abc-1", sender: { id: "u1" }, conversation: { id: "room" } });
    expect(read(privateEvent("7"))).toMatchObject({ platformId: "7" });
    // A double has rounded it: it may be somebody else's.
    expect(read(privateEvent(7, "hi", { user_id: 2 ** 60 }))).toBeUndefined();
    expect(read(privateEvent(7, "hi", { user_id: "a:b" }))).toBeUndefined();
    expect(read(privateEvent(7, "hi", { user_id: undefined }))).toBeUndefined();
  });

  test.each([
    ["owner", true],
    ["admin", true],
    ["member", false],
    [undefined, false],
  ])("the role %s of a group makes isAdmin %s", (role, isAdmin) => {
    const sender = { nickname: "Li", card: "Li of Ops", ...(role && { role }) };
    expect(read(groupEvent(7, "hi", { sender }))?.sender).toEqual({ id: "123456", name: "Li of Ops", isAdmin });
  });

  test("a role in a private chat says nothing, and who speaks anonymously has none", () => {
    expect(read(privateEvent(7, "hi", { sender: { nickname: "Li", role: "owner" } }))?.sender).toEqual({ id: "123456", name: "Li" });
    const anonymous = { id: 1, name: "大力鬼王", flag: "x" };
    expect(read(groupEvent(7, "hi", { anonymous, sender: { role: "owner" } }))?.sender).toEqual({ id: "123456", name: "大力鬼王" });
  });

  test("what the bot itself wrote is nothing, whichever way a peer reports it", () => {
    expect(read(privateEvent(7, "hi", { post_type: "message_sent" }))).toBeUndefined();
    expect(read(privateEvent(7, "hi", { user_id: Number(SELF) }))).toBeUndefined();
  });

  test("media carry their address, their name at the peer, and a type of their own", () => {
    const image = { type: "image", data: { file: "a.jpg", url: "https://example.com/a", file_size: "12" } };
    expect(read(privateEvent(7, [image]))).toMatchObject({
      contentType: "image",
      text: "",
      segments: [{ type: "image", ref: "a.jpg", url: "https://example.com/a", size: 12 }],
    });
    expect(read(privateEvent(7, [{ type: "record", data: { file: "a.amr" } }]))).toMatchObject({ contentType: "voice" });
    expect(read(privateEvent(7, [{ type: "file", data: { file: "a.pdf", file_id: "/1" } }]))).toMatchObject({
      segments: [{ type: "file", name: "a.pdf", ref: "/1" }],
    });
    expect(read(groupEvent(7, [at(SELF), text(" "), image]))).toMatchObject({ contentType: "image" });
    expect(read(privateEvent(7, [text("see "), image]))).toMatchObject({ contentType: "mixed", text: "see" });
    expect(read(privateEvent(7, [{ type: "image", data: { file: "x", url: "file:///etc/passwd" } }]))?.segments).toEqual([
      { type: "image", ref: "x" },
    ]);
  });

  test("a place, from numbers or from strings", () => {
    const segments = [{ type: "location", latitude: 39.9, longitude: 116.4, title: "北京" }];
    expect(read(privateEvent(7, "[CQ:location,lat=39.9,lon=116.4,title=北京]"))).toMatchObject({ contentType: "location", segments });
    expect(read(privateEvent(7, [{ type: "location", data: { lat: 39.9, lon: 116.4, title: "北京" } }]))).toMatchObject({ segments });
    expect(read(privateEvent(7, "[CQ:location,lat=north,lon=1]"))?.segments).toEqual([]);
  });

  test("what has no counterpart stays in raw, and nothing that is no segment does harm", () => {
    const event = privateEvent(7, [
      { type: "dice", data: {} },
      { type: "face", data: { id: "14" } },
      null,
      7,
      { type: 3 },
      { type: "text" },
      text("hi"),
    ]);
    expect(read(event)).toMatchObject({ text: "hi", segments: [{ type: "text", text: "hi" }], raw: event });
    expect(read(privateEvent(7, null))).toMatchObject({ text: "", segments: [] });
  });

  test("without a time it was sent now", () => {
    expect(read(privateEvent(7, "hi", { time: "soon" }))?.sentAt).toBe(NOW);
  });
});

describe("what happens besides", () => {
  const poke = {
    time: 1_756_000_000,
    self_id: 10001,
    post_type: "notice",
    notice_type: "notify",
    sub_type: "poke",
    group_id: 777,
    user_id: 5,
    target_id: 10001,
  };

  test("a notice is an event of its group, and the same frame is the same event", () => {
    const first = read(poke);
    expect(first).toMatchObject({
      contentType: "event",
      conversation: { id: "777", type: "group" },
      sender: { id: "5" },
      text: "",
      mentionsBot: true,
      raw: poke,
    });
    expect(read(poke)?.platformId).toBe(first?.platformId);
    expect(read({ ...poke, time: 1_756_000_001 })?.platformId).not.toBe(first?.platformId);
    expect(read({ ...poke, target_id: 6 })).toMatchObject({ mentionsBot: false });
  });

  test("a request for friendship is one of a private chat", () => {
    const request = { time: 1, self_id: 10001, post_type: "request", request_type: "friend", user_id: 5, comment: "hi", flag: "f" };
    expect(read(request)).toMatchObject({ contentType: "event", conversation: { id: "private:5", type: "direct" }, mentionsBot: true });
  });

  test("heartbeats, somebody typing and what nobody knows are nothing", () => {
    expect(read({ post_type: "meta_event", meta_event_type: "heartbeat" })).toBeUndefined();
    expect(read({ ...poke, sub_type: "input_status" })).toBeUndefined();
    expect(read({ post_type: "notice", notice_type: "client_status" })).toBeUndefined();
    expect(read({ post_type: "news" })).toBeUndefined();
  });
});

test("no event makes it throw, and whatever comes out names its account, its sender and its conversation", () => {
  const odd = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom({ toString: 1, valueOf: 1 }, "10001", 10001, -0, 1e308));
  const data = fc.dictionary(
    fc.constantFrom("qq", "id", "text", "file", "url", "lat", "lon", "file_size", "name", "title", "content"),
    odd,
  );
  const segment = fc.record({ type: fc.constantFrom("text", "at", "reply", "image", "file", "location", "share", "markdown", "x"), data });
  const event = fc.record(
    {
      post_type: fc.constantFrom("message", "notice", "request", "meta_event"),
      message_type: fc.constantFrom("private", "group"),
      ...Object.fromEntries(
        ["message_id", "user_id", "group_id", "operator_id", "target_id", "time", "sub_type", "sender", "anonymous"].map((key) => [
          key,
          odd,
        ]),
      ),
      message: fc.oneof(odd, fc.array(fc.oneof(segment, odd))),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(event, (given) => {
      const message = read(given as Fields);
      if (message) {
        expect(message).toMatchObject({ account: SELF, sender: { id: expect.any(String) }, conversation: { id: expect.any(String) } });
        expect(message.sentAt).toSatisfy(Number.isSafeInteger);
      }
    }),
    { numRuns: 500 },
  );
});
