import { afterEach, describe, expect, test } from "vitest";
import { ClawdbotError, RateLimitError, RejectedError, UnreachableError } from "../../../src/errors.ts";
import type { Reply, Segment } from "../../../src/message.ts";
import type { Fault } from "../../../src/simulator.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { attempt, memoryKeyValue, type Pair, replyOf, startPair } from "./host.ts";

let pair: Pair;

afterEach(async () => {
  await pair.platform.stop();
  await pair.host.stop();
});

const send = (reply: Reply) => pair.host.adapter.send(reply, attempt());
const failure = (reply = replyOf("hi")) =>
  send(reply).then(
    () => "sent",
    (error: unknown) => error,
  );
const raw = () => pair.platform.sent.map((record) => record.raw as Record<string, unknown>);

describe("content", () => {
  const data = Buffer.from("the file's bytes \0\r\n--x").toString("base64");

  test.each<[string, Segment[], object]>([
    ["text", [{ type: "text", text: "a < b & *c*" }], { chat_id: "42", text: "a < b & *c*" }],
    [
      "markdown, as entities",
      [{ type: "markdown", text: "**hi** you" }],
      { text: "hi you", entities: [{ type: "bold", offset: 0, length: 2 }] },
    ],
    ["a photo by its id", [{ type: "image", ref: "f1" }], { photo: "f1" }],
    ["a photo by its address", [{ type: "image", url: "https://x.example/a.png" }], { photo: "https://x.example/a.png" }],
    [
      "a video with its caption",
      [
        { type: "video", ref: "f2" },
        { type: "markdown", text: "_see_" },
      ],
      { video: "f2", caption: "see", caption_entities: [{ type: "italic", offset: 0, length: 3 }] },
    ],
    [
      "an uploaded file",
      [
        { type: "file", data, name: 'r"1.pdf', mime: "application/pdf" },
        { type: "text", text: "the report" },
      ],
      { caption: "the report", document: { name: 'r"1.pdf', mime: "application/pdf", data: Buffer.from(data, "base64") } },
    ],
    [
      "an uploaded voice of no known kind",
      [{ type: "voice", data, mime: "x\r\nEvil: y" }],
      { voice: { mime: "application/octet-stream" } },
    ],
    ["a place", [{ type: "location", latitude: 1.5, longitude: 2 }], { latitude: 1.5, longitude: 2 }],
    ["a place with a name", [{ type: "location", latitude: 1.5, longitude: 2, title: "Café" }], { title: "Café", address: "Café" }],
  ])("%s", async (_name, segments, expected) => {
    pair = await startPair();
    const { platformId } = await send(replyOf(segments));
    expect(platformId).toMatch(/^42:\d+$/);
    expect(raw()).toHaveLength(1);
    expect(raw()[0]).toMatchObject(expected);
    expect(raw()[0]).not.toHaveProperty("parse_mode");
  });

  test("a reply without content, or with an empty file, is rejected without a call", async () => {
    pair = await startPair();
    expect(await failure(replyOf([]))).toBeInstanceOf(RejectedError);
    expect(await failure(replyOf([{ type: "file", data: "" }]))).toBeInstanceOf(RejectedError);
    expect(pair.platform.calls).not.toHaveProperty("sendMessage");
  });
});

describe("where a reply goes", () => {
  const inGroup = (more: Partial<Reply>, segments: Segment[] = [{ type: "text", text: "hi" }]) => replyOf(segments, "-100", more);
  const quoted = { message_id: 7, allow_sending_without_reply: true };

  test("in a group it quotes what it answers, in a direct chat only when asked to", async () => {
    pair = await startPair();
    await send(inGroup({ replyTo: "-100:7" }));
    await send(replyOf("hi", "42", { replyTo: "42:7" }));
    await send(
      replyOf(
        [
          { type: "quote", id: "42:7" },
          { type: "text", text: "hi" },
        ],
        "42",
        { replyTo: "42:9" },
      ),
    );
    expect(raw().map(({ reply_parameters }) => reply_parameters)).toEqual([quoted, undefined, quoted]);
  });

  test("an upload keeps the quote and the topic", async () => {
    pair = await startPair();
    const conversation = { id: "-100", type: "group" as const, topic: "5" };
    await send(inGroup({ replyTo: "-100:7", conversation }, [{ type: "file", data: "aGk=", name: "a.txt" }]));
    expect(raw()[0]).toMatchObject({ reply_parameters: quoted, message_thread_id: "5", document: { name: "a.txt" } });
  });

  test("a topic's message is answered in the topic", async () => {
    pair = await startPair();
    await send(inGroup({ conversation: { id: "-100", type: "group", topic: "5" } }));
    expect(raw()[0]).toMatchObject({ chat_id: "-100", message_thread_id: 5 });
  });

  test("the answer to a button or an edit quotes nothing", async () => {
    pair = await startPair();
    await send(inGroup({ replyTo: "callback:77" }));
    await send(inGroup({ replyTo: "-100:7:123" }));
    await send(inGroup({ replyTo: "-999:7" }));
    expect(raw().every((call) => !("reply_parameters" in call))).toBe(true);
  });
});

describe("a group that became a supergroup", () => {
  const reply = () => replyOf("hi", "-5", { replyTo: "-5:7", conversation: { id: "-5", type: "group", topic: "2" } });

  test("is found by the refusal of a send: the next try goes to the new id, without the numbers of the old group", async () => {
    const kv = memoryKeyValue();
    pair = await startPair({ kv });
    pair.platform.migrate("-5", "-1005");
    const error = await failure(reply());
    expect(error).toBeInstanceOf(UnreachableError);
    expect((error as Error).message).toContain("-1005");
    expect(kv.rows.get("migrated:-5")).toBe("-1005");
    expect(await send(reply())).toMatchObject({ platformId: expect.stringMatching(/^-1005:\d+$/) });
    expect(raw()).toEqual([{ chat_id: "-1005", text: "hi" }]);
    expect(pair.host.logged).toContainEqual({
      message: "group became a supergroup: use its new id in permissions.yaml",
      fields: { account: "default", from: "-5", to: "-1005" },
    });
  });

  test.each([
    ["old", { chat: { id: -5, type: "group", title: "G" }, migrate_to_chat_id: -1005 }],
    ["new", { chat: { id: -1005, type: "supergroup", title: "G" }, migrate_from_chat_id: -5 }],
  ])("is known from the service message in the %s one, also after a restart", async (_name, about) => {
    pair = await startPair();
    const message = { message_id: 3, date: 1, from: { id: 1, is_bot: false, first_name: "u" }, ...about };
    await pair.platform.happen({ message } as never);
    await pair.host.adapter.stop();
    await pair.host.adapter.start();
    await send(reply());
    expect(raw()).toEqual([{ chat_id: "-1005", text: "hi" }]);
  });
});

describe("refusals of Telegram", () => {
  test.each([
    ["400 Bad Request: chat not found", RejectedError],
    ["400 Bad Request: message thread not found", RejectedError],
    ["400 Bad Request: not enough rights to send text messages to the chat", RejectedError],
    ["403 Forbidden: bot was kicked from the supergroup chat", RejectedError],
    ["413 Request Entity Too Large", RejectedError],
    ["401 Unauthorized", UnreachableError],
    ["404 Not Found", UnreachableError],
  ])("%s", async (code, kind) => {
    pair = await startPair();
    pair.platform.fault({ kind: "error", code, times: 1 });
    const error = await failure();
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(code.slice(4));
    if (error instanceof RejectedError) expect(error.platformCode).toBe(code.slice(0, 3));
    expect(pair.platform.calls.sendMessage).toBe(1);
  });

  test("a user who blocked the bot is final, and others are not touched", async () => {
    pair = await startPair();
    pair.platform.block("42");
    expect(await failure()).toMatchObject({ platformCode: "403" });
    expect(await failure(replyOf("hi", "43"))).toBe("sent");
  });
});

describe("429", () => {
  test("is obeyed for its chat alone, without further calls", async () => {
    const clock = fakeClock(Date.now());
    pair = await startPair({ clock });
    pair.platform.fault({ kind: "rate-limit", ms: 7000, times: 1 });
    expect(await failure()).toMatchObject({ retryAfterMs: 7000 });
    await clock.advance(5000);
    expect(await failure()).toMatchObject({ retryAfterMs: 2000 });
    expect(pair.platform.calls.sendMessage).toBe(1);
    expect(await failure(replyOf("hi", "43"))).toBe("sent");
    await clock.advance(2000);
    expect(await failure()).toBe("sent");
  });

  test("in a third chat at the same time means all chats", async () => {
    const clock = fakeClock(Date.now());
    pair = await startPair({ clock });
    pair.platform.fault({ kind: "rate-limit", ms: 7000, times: 3 });
    expect(await failure(replyOf("hi", "1"))).toBeInstanceOf(RateLimitError);
    expect(await failure(replyOf("hi", "2"))).toBeInstanceOf(RateLimitError);
    await clock.advance(1000);
    expect(await failure(replyOf("hi", "3"))).toMatchObject({ retryAfterMs: 7000 });
    expect(await failure(replyOf("hi", "4"))).toMatchObject({ retryAfterMs: 7000 });
    expect(pair.platform.calls.sendMessage).toBe(3);
    await clock.advance(7000);
    expect(await failure(replyOf("hi", "4"))).toBe("sent");
  });

  test("comes from the platform's own limit of a group, and nothing is lost by it", async () => {
    const clock = fakeClock(Math.ceil(Date.now() / 60_000) * 60_000);
    pair = await startPair({ clock, rateLimits: true });
    for (let n = 0; n < 25; ) {
      const result = await failure(replyOf(`message ${n}`, "-100"));
      if (result === "sent") n++;
      else await clock.advance((result as RateLimitError).retryAfterMs);
    }
    expect(pair.platform.sent.map(({ text }) => text)).toEqual(Array.from({ length: 25 }, (_, n) => `message ${n}`));
    expect(pair.platform.calls.sendMessage).toBe(26);
  });
});

describe("a send whose outcome nobody knows", () => {
  const faults: [string, Fault][] = [
    ["a lost connection after it arrived", { kind: "reset" }],
    ["a lost connection before it was taken", { kind: "reset", code: "before" }],
    ["an HTML page of a proxy", { kind: "server-error" }],
    ["an internal error", { kind: "error", code: "500 Internal Server Error: sent a minute ago" }],
    ["no answer in time", { kind: "timeout-after-success" }],
  ];

  test.each(faults)("(%s) is not sent again by itself, and says so", async (_name, fault) => {
    pair = await startPair({ ioTimeoutMs: 200 });
    pair.platform.fault({ ...fault, times: 1 });
    const error = await failure();
    expect(error).toBeInstanceOf(RejectedError);
    expect(error).toMatchObject({ platformCode: "unknown_outcome", message: expect.stringMatching(/^unknown outcome, not sent again: /) });
    expect(pair.platform.calls.sendMessage).toBe(1);
  });

  test.each(faults)("(%s) is left to be sent again with on_unknown: resend", async (_name, fault) => {
    pair = await startPair({ ioTimeoutMs: 200, section: { on_unknown: "resend" } });
    pair.platform.fault({ ...fault, times: 1 });
    const error = await failure();
    expect(error).toBeInstanceOf(ClawdbotError);
    expect(error).toMatchObject({ retryable: true });
    expect(error).not.toBeInstanceOf(UnreachableError);
  });

  test("is not one to a platform that is away: that is tried again", async () => {
    pair = await startPair();
    pair.platform.fault({ kind: "refuse" });
    expect(await failure()).toBeInstanceOf(UnreachableError);
    pair.platform.fault(null);
    expect(await failure()).toBe("sent");
  });
});
