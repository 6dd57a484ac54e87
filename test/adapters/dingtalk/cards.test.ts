import { afterEach, describe, expect, test } from "vitest";
import { cardText } from "../../../adapters/dingtalk/card-text.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";
import { attempt, createHost, failure, memoryKeyValue, messageOf, type Pair, replyOf, sectionOf, startPair } from "./host.ts";

const STREAMING = "/v1.0/card/streaming";
const CREATE = "/v1.0/card/instances/createAndDeliver";

let pair: Pair;
let clock: FakeClock;
let kv: ReturnType<typeof memoryKeyValue>;

async function setup(options: Parameters<typeof startPair>[0] = {}): Promise<Pair> {
  clock = fakeClock();
  kv = memoryKeyValue();
  pair = await startPair({ clock, kv, ...options, section: { mode: "callback", ...options.section } });
  return pair;
}

afterEach(async () => {
  await pair.platform.stop();
  await pair.host.stop();
});

const preview = (text: string, id = "m1", from: Parameters<typeof messageOf>[1] = "u1") =>
  pair.host.adapter.preview!(messageOf(id, from), text);
const reply = (text: string, more = {}) => replyOf(text, "u1", { messageId: "m1", ...more });
const send = (text: string, more = {}) => pair.host.adapter.send(reply(text, more), attempt());
const cards = () => [...pair.platform.server.api.cards.values()];
const shownOnce = (text: string) => until(`"${text}" on a card`, () => cards().some((card) => card.shown.includes(text)));

async function restart(): Promise<void> {
  pair = { platform: pair.platform, host: await createHost(sectionOf(pair), { clock, kv, seed: 2 }) };
  await pair.host.adapter.start();
}

describe("a reply in the making", () => {
  test("is shown in one card, at most once a second, and the reply takes the card's place", async () => {
    const { platform } = await setup();
    preview("T");
    await shownOnce("T");
    for (const text of ["Th", "The", "The answer"]) {
      preview(text);
      await clock.advance(400);
    }
    await shownOnce("The answer");
    expect(await send("The answer is 42")).toMatchObject({ detail: "card" });
    expect(platform.sent).toMatchObject([{ conversation: "u1", text: "The answer is 42" }]);
    expect(cards()).toMatchObject([{ flowStatus: "3", finalised: true, text: "The answer is 42", conversation: "u1" }]);
    expect(cards()[0]!.shown).toEqual(["T", "The answer", "The answer is 42"]);
    expect(kv.keys()).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("in a group is shown in the group; the second reply is a message of its own", async () => {
    const { platform } = await setup();
    preview("so far", "m1", { group: "cidG" });
    await shownOnce("so far");
    const first = replyOf("first", { group: "cidG" }, { messageId: "m1" });
    expect(await pair.host.adapter.send(first, attempt())).toMatchObject({ detail: "card" });
    expect(await pair.host.adapter.send({ ...first, id: "reply-2" }, attempt())).toMatchObject({ detail: "robot" });
    expect(platform.sent.map(({ conversation }) => conversation)).toEqual(["cidG", "cidG"]);
  });

  test("of other messages has cards of their own", async () => {
    await setup();
    preview("one", "m1");
    preview("two", "m2", "u2");
    await shownOnce("one");
    await shownOnce("two");
    expect(cards().map(({ conversation }) => conversation)).toEqual(["u1", "u2"]);
  });

  test("is not shown to people outside the organisation, nor when cards are switched off", async () => {
    await setup();
    preview("no", "m1", "$:guest");
    await pair.host.stop();
    const { platform } = pair;
    await setup({ section: { card_template_id: "" } });
    preview("no");
    expect(await send("answer")).toMatchObject({ detail: "robot" });
    expect([platform.calls[CREATE], pair.platform.calls[CREATE]]).toEqual([undefined, undefined]);
    await platform.stop();
  });

  test("is not tried again for a while when the app may not make cards, and the reply comes all the same", async () => {
    const { host, platform } = await setup();
    platform.fault({ kind: "error", code: "403 Forbidden.AccessDenied.AccessTokenPermissionDenied", times: 1 });
    preview("so far");
    await until("the refusal", () => host.logged.some(({ message }) => message === "no card for a reply in the making"));
    preview("so far", "m2");
    expect(await send("answer")).toMatchObject({ detail: "robot" });
    expect(platform.calls[CREATE]).toBe(1);
    expect(kv.keys()).toEqual([]);
    await clock.advance(600_000);
    preview("so far", "m3");
    await shownOnce("so far");
  });

  test("waits as long as the platform says, and shows the newest text then", async () => {
    const { platform } = await setup();
    preview("one");
    await shownOnce("one");
    platform.fault({ kind: "rate-limit", times: 1 });
    await clock.advance(1000);
    preview("two");
    await until("the limit", () => platform.calls[STREAMING] === 2);
    preview("three");
    await until("the wait", async () => {
      await clock.advance(100);
      return cards()[0]!.shown.length === 2;
    });
    expect(cards()[0]!.shown).toEqual(["one", "three"]);
  });
});

describe("a card is always ended", () => {
  test("with the reply, though that was sent twice", async () => {
    const { platform } = await setup({ ioTimeoutMs: 300 });
    preview("so far");
    await shownOnce("so far");
    platform.fault({ kind: "timeout-after-success", times: 1 });
    expect(await failure(pair.host, reply("answer"))).toMatchObject({ code: "CLAWDBOT_ERR_TIMEOUT" });
    expect(await send("answer")).toMatchObject({ detail: "card" });
    expect(platform.sent.map(({ text }) => text)).toEqual(["answer"]);
    expect(cards()).toMatchObject([{ flowStatus: "3", finalised: true }]);
  });

  test("though ending its spinner failed at first: the reply is not sent again for that", async () => {
    const { host, platform } = await setup();
    preview("so far");
    await shownOnce("so far");
    platform.fault({ kind: "error", code: "500 unknownError" });
    const sending = send("answer");
    await expect(sending).rejects.toThrow("unknownError");
    platform.fault(null);
    const { call } = platform.server.api;
    let failures = 1;
    platform.server.api.call = (path, ...rest) =>
      path === "PUT /v1.0/card/instances" && failures-- > 0 ? { status: 500, body: { code: "unknownError" } } : call(path, ...rest);
    expect(await send("answer")).toMatchObject({ detail: "card" });
    expect(cards()).toMatchObject([{ flowStatus: "2", finalised: true }]);
    await host.stop();
    expect(cards()).toMatchObject([{ flowStatus: "3", finalised: true, text: "answer" }]);
    expect(kv.keys()).toEqual([]);
    expect(platform.sent).toHaveLength(1);
  });

  test("with what it shows when no reply comes", async () => {
    await setup();
    preview("half a thou");
    await shownOnce("half a thou");
    await clock.advance(600_000);
    await until("its end", () => cards()[0]!.flowStatus === "3" && kv.keys().length === 0);
    expect(cards()).toMatchObject([{ finalised: true, text: "half a thou" }]);
  });

  test("with what it shows when the channel stops", async () => {
    await setup();
    preview("half a thou");
    await shownOnce("half a thou");
    await pair.host.stop();
    expect(cards()).toMatchObject([{ finalised: true, flowStatus: "3", text: "half a thou" }]);
    expect(kv.keys()).toEqual([]);
  });

  test("by its reply after a crash and a restart", async () => {
    await setup();
    preview("half a thou");
    await shownOnce("half a thou");
    await restart();
    preview("half a thought, again");
    await shownOnce("half a thought, again");
    expect(await send("the whole thought")).toMatchObject({ detail: "card" });
    expect(cards()).toMatchObject([{ finalised: true, flowStatus: "3", text: "the whole thought" }]);
  });

  test("after a crash and a restart, when no reply comes", async () => {
    await setup();
    preview("half a thou");
    await shownOnce("half a thou");
    await restart();
    await clock.advance(600_000);
    await until("its end", () => cards()[0]!.flowStatus === "3" && kv.keys().length === 0);
    expect(cards()).toMatchObject([{ finalised: true, text: "（回答中断 / interrupted）" }]);
  });

  test("after a crash between the reply and the end of the spinner: the reply counts as sent and stays on the screen", async () => {
    const { platform } = await setup();
    preview("so far");
    await shownOnce("so far");
    const [id] = [...platform.server.api.cards.keys()];
    await send("answer");
    await kv.set(`card:${id}`, { messageId: "m1", final: { replyId: "reply-1", text: "answer" } });
    await restart();
    expect(await send("answer")).toMatchObject({ detail: "card", platformId: id });
    expect(platform.sent).toHaveLength(1);
    await clock.advance(600_000);
    await until("its end", () => kv.keys().length === 0);
    expect(cards()).toMatchObject([{ flowStatus: "3", text: "answer" }]);
  });
});

test("a card that the platform does not know gives way to an ordinary message", async () => {
  const { platform } = await setup();
  preview("so far");
  await shownOnce("so far");
  (platform.server.api.cards as Map<string, unknown>).clear();
  expect(await send("answer")).toMatchObject({ detail: "robot" });
  expect(platform.sent.map(({ text }) => text)).toEqual(["answer"]);
});

test.each([
  ["one\ntwo", "one<br>two"],
  ["one\n\ntwo", "one\n\ntwo"],
  ["# head\ntext\nmore", "# head\ntext<br>more"],
  ["- a\n- b\n1. c", "- a\n- b\n1. c"],
  ["|a|b|\n|-|-|", "|a|b|\n|-|-|"],
  ["see\n```\nx\ny\n```\nand\nso", "see\n```\nx\ny\n```\nand<br>so"],
])("the line breaks of %j are kept on a card", (text, shown) => {
  expect(cardText(text)).toBe(shown);
});
