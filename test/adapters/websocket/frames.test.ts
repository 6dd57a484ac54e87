import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameError } from "../../../adapters/websocket/frame-error.ts";
import { type MessageFrame, parseFrame } from "../../../adapters/websocket/frames.ts";
import { normalise } from "../../../adapters/websocket/normalise.ts";
import { messageFrame } from "./host.ts";

const parse = (frame: unknown) => parseFrame(JSON.stringify(frame));
const login = { client: "ops", trusted: false, local: false, digest: Buffer.alloc(32) };
const message = (more: Record<string, unknown>, trusted = false) =>
  normalise(parse(messageFrame("c-1", "hi", more)) as MessageFrame, { ...login, trusted }, 1234);

function refused(text: string): FrameError {
  try {
    parseFrame(text);
  } catch (error) {
    if (error instanceof FrameError) return error;
    throw error;
  }
  throw new Error("was taken");
}

describe("a message frame", () => {
  test("becomes a message of the client that the token names", () => {
    expect(
      message({ conversation: { id: "room-1", type: "group", title: "Ops" }, sender: { id: "u1", name: "Li", locale: "zh-CN" } }),
    ).toEqual({
      account: "ops",
      platformId: "c-1",
      conversation: { id: "room-1", type: "group", title: "Ops" },
      sender: { id: "u1", name: "Li", locale: "zh-CN" },
      contentType: "text",
      text: "hi",
      segments: [{ type: "text", text: "hi" }],
      mentionsBot: true,
      sentAt: 1234,
      raw: null,
    });
  });

  test("in a group may say that the bot was not addressed; in a direct chat it always is", () => {
    expect(message({ mentionsBot: false }).mentionsBot).toBe(false);
    expect(message({ mentionsBot: false, conversation: { id: "u1", type: "direct" } }).mentionsBot).toBe(true);
  });

  test("makes nobody an administrator unless its token is trusted", () => {
    const sender = { id: "u1", isAdmin: true };
    expect(message({ sender }).sender).toEqual({ id: "u1" });
    expect(message({ sender }, true).sender).toEqual({ id: "u1", isAdmin: true });
    expect(message({ sender: { id: "u1" } }, true).sender).toEqual({ id: "u1" });
  });

  test("may leave the text to its segments", () => {
    const segments = [
      { type: "quote", id: "c-0" },
      { type: "mention", id: "bot" },
      { type: "text", text: " look " },
      { type: "markdown", text: "*here*" },
    ];
    expect(message({ text: undefined, segments })).toMatchObject({ text: "look *here*", replyTo: "c-0", contentType: "text", segments });
  });

  test.each([
    [[{ type: "image", url: "https://example.com/a.png", name: "a.png", mime: "image/png", size: 3 }], "image"],
    [[{ type: "file", data: "AAEC" }], "file"],
    [[{ type: "location", latitude: 31.2, longitude: 121.5, title: "here" }], "location"],
    [
      [
        { type: "image", data: "AAEC" },
        { type: "text", text: "what is it?" },
      ],
      "mixed",
    ],
    [[{ type: "mention", all: true }], "text"],
  ])("with segments %j is of type %s", (segments, contentType) => {
    expect(message({ text: "", segments })).toMatchObject({ contentType, segments });
  });

  test("keeps nothing that the protocol does not know", () => {
    const frame = parseFrame(
      '{"type":"message","id":"c","__proto__":{"polluted":1},"conversation":{"id":"r","type":"group","__proto__":{"polluted":1}},"sender":{"id":"u","role":"root"},"segments":[{"type":"image","data":"AAEC","ref":"media-1"}]}',
    );
    expect(frame).toStrictEqual({
      type: "message",
      id: "c",
      conversation: { id: "r", type: "group" },
      sender: { id: "u" },
      text: undefined,
      segments: [{ type: "image", data: "AAEC" }],
      mentionsBot: true,
    });
    expect((frame as unknown as { polluted?: number }).polluted).toBeUndefined();
  });

  test.each<[string, Record<string, unknown>]>([
    ["id", { id: undefined }],
    ["id", { id: "" }],
    ["id", { id: 7 }],
    ["id", { id: "x".repeat(201) }],
    ["id", { id: "a\nb" }],
    ["id", { id: "\ud800" }],
    ["conversation", { conversation: undefined }],
    ["conversation", { conversation: [] }],
    ["conversation.type", { conversation: { id: "r" } }],
    ["conversation.type", { conversation: { id: "r", type: "channel" } }],
    ["conversation.id", { conversation: { id: 1, type: "group" } }],
    ["conversation.title", { conversation: { id: "r", type: "group", title: 1 } }],
    ["sender", { sender: "u1" }],
    ["sender.id", { sender: {} }],
    ["sender.name", { sender: { id: "u", name: "n".repeat(501) } }],
    ["sender.isAdmin", { sender: { id: "u", isAdmin: "yes" } }],
    ["mentionsBot", { mentionsBot: 1 }],
    ["text", { text: "" }],
    ["text", { text: undefined }],
    ["text", { text: 5, segments: [{ type: "text", text: "a" }] }],
    ["text", { text: undefined, segments: [] }],
    ["segments", { segments: {} }],
    ["segments", { segments: Array(101).fill({ type: "text", text: "a" }) }],
    ["a segment", { segments: [null] }],
    ["a segment's type", { segments: [{ type: "script" }] }],
    ["a segment's text", { segments: [{ type: "text" }] }],
    ["either url or data", { segments: [{ type: "image" }] }],
    ["either url or data", { segments: [{ type: "image", url: "https://a.example", data: "AAEC" }] }],
    ["a url", { segments: [{ type: "image", url: "file:///etc/passwd" }] }],
    ["data", { segments: [{ type: "image", data: "no base64" }] }],
    ["a segment's size", { segments: [{ type: "file", data: "AAEC", size: -1 }] }],
    ["a mention's id", { segments: [{ type: "mention" }] }],
    ["a quote's id", { segments: [{ type: "quote" }] }],
    ["latitude", { segments: [{ type: "location", latitude: 91, longitude: 0 }] }],
    ["latitude", { segments: [{ type: "location", latitude: "1", longitude: 0 }] }],
  ])("is refused with words about %s when it has %j", (word, more) => {
    const error = refused(JSON.stringify({ ...messageFrame("c-1"), ...more }));
    expect(error.message).toContain(word);
    expect(error).toMatchObject({ code: "CLAWDBOT_ERR_INVALID", fatal: false, id: "id" in more ? undefined : "c-1" });
  });
});

describe("any frame", () => {
  test.each(["", "{", "[]", "5", "null", '"message"'])("that is no JSON object, such as %j, ends the connection", (text) => {
    expect(refused(text).fatal).toBe(true);
  });

  test.each([
    {},
    { type: "reply" },
    { type: "__proto__" },
    { type: "ack" },
    { type: "ack", seq: -1 },
    { type: "resume", seq: 1.5 },
    { type: "ack", seq: "3" },
  ])("such as %j is refused, and the connection goes on", (frame) => {
    expect(refused(JSON.stringify(frame)).fatal).toBe(false);
  });

  test("is taken or refused with a FrameError, whatever it holds, and nothing else changes", () => {
    const known = fc.constantFrom(
      "type",
      "id",
      "seq",
      "conversation",
      "sender",
      "text",
      "segments",
      "message",
      "group",
      "__proto__",
      "constructor",
    );
    const value = fc.letrec((tie) => ({
      node: fc.oneof({ maxDepth: 4 }, known, fc.jsonValue(), fc.array(tie("node")), fc.dictionary(known, tie("node"))),
    })).node;
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      value.map((json) => JSON.stringify(json)),
      fc.dictionary(known, value).map((json) => JSON.stringify({ ...messageFrame("c-1"), ...json })),
    );
    fc.assert(
      fc.property(text, (input) => {
        try {
          expect(["message", "ack", "resume", "ping", "pong"]).toContain(parseFrame(input).type);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });
});
