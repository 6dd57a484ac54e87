import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Reply } from "../../../src/message.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";
import { attempt, group, type Pair, type PairOptions, reply, startPair, user } from "./host.ts";

const MINUTE = 60_000;
let pair: Pair;
let clock: FakeClock;

async function setup(options: PairOptions = {}): Promise<void> {
  clock = fakeClock(Date.now());
  // A long interval: these tests move time, and no heartbeat is to be due.
  pair = await startPair({ clock, section: { mode: "webhook" }, ...options });
}

/** A user writes; resolves with what a reply to it carries. */
async function asked(id: string, to: { group?: string } = {}): Promise<Partial<Reply>> {
  await pair.platform.say({ from: "u1", text: "hi", id, ...to });
  await until("the message", () => pair.received.some(({ platformId }) => platformId === id));
  return { replyTo: id, askedAt: clock.now(), conversation: to.group === undefined ? user("u1") : group(to.group) };
}

const failure = (send: Promise<unknown>) =>
  send.then(
    () => "sent",
    (error: unknown) => error,
  );
const send = (text: string, about: Partial<Reply>, maybeSent = false) => pair.adapter.send(reply(text, about), attempt(maybeSent));
const bodies = () => pair.platform.sent.map(({ raw }) => raw as Record<string, unknown>);
const shown = () => pair.platform.sent.filter(({ suppressed }) => !suppressed).map(({ text }) => text);

beforeEach(() => setup());
afterEach(() => pair.stop());

describe("numbers", () => {
  test("count up for each reply to one message, and begin anew for the next", async () => {
    const first = await asked("m1");
    await send("1", first);
    await send("2", first);
    await send("3", await asked("m2"));
    expect(bodies().map(({ msg_id, msg_seq }) => [msg_id, msg_seq])).toEqual([
      ["m1", 1],
      ["m1", 2],
      ["m2", 1],
    ]);
  });

  test("are never given away twice, across a restart neither (AstrBot#4382, LangBot#2290)", async () => {
    const message = await asked("m1");
    await send("1", message);
    await pair.restart();
    await send("2", message);
    await pair.restart();
    await send("3", message);
    expect(bodies().map(({ msg_seq }) => msg_seq)).toEqual([1, 2, 3]);
    expect(shown()).toEqual(["1", "2", "3"]);
  });

  test("stay with a reply that is tried again: what arrived before a crash is not shown twice", async () => {
    const message = await asked("m1");
    await send("1", message);
    await pair.restart();
    expect(await send("1", message, true)).toEqual({ detail: "already delivered" });
    await send("2", message);
    expect(pair.platform.sent.map(({ text, suppressed }) => [text, suppressed])).toEqual([
      ["1", false],
      ["1", true],
      ["2", false],
    ]);
    expect(bodies().map(({ msg_seq }) => msg_seq)).toEqual([1, 1, 2]);
  });

  test("are on disk before the call: one whose answer never came is the same after a restart", async () => {
    const message = await asked("m1");
    pair.platform.fault({ kind: "reset", times: 1 });
    expect(await failure(send("1", message))).toMatchObject({ code: "CLAWDBOT_ERR_UNREACHABLE" });
    await clock.advance(2000);
    pair.platform.fault({ kind: "timeout-after-success", times: 1 });
    const hanging = new AbortController();
    const sending = failure(pair.adapter.send(reply("1", message), { number: 1, maybeSent: false, signal: hanging.signal }));
    await until("the call", () => pair.platform.sent.length === 1);
    hanging.abort();
    expect(await sending).toMatchObject({ retryable: true });
    await pair.restart();
    expect(await send("1", message, true)).toEqual({ detail: "already delivered" });
    expect(shown()).toEqual(["1"]);
  });

  test("that somebody else has used (40054005) are passed over, and the reply arrives", async () => {
    const message = await asked("m1");
    await pair.kv.delete("ledger:m1");
    await send("theirs", message);
    await pair.kv.delete("ledger:m1");
    expect(await failure(send("ours", message))).toMatchObject({ code: "CLAWDBOT_ERR_UNREACHABLE" });
    await send("ours", message);
    expect(shown()).toEqual(["theirs", "ours"]);
    expect(bodies().map(({ msg_seq }) => msg_seq)).toEqual([1, 1, 2]);
  });

  test("that could not be written are not used: nothing is sent", async () => {
    const message = await asked("m1");
    const { set } = pair.kv;
    pair.kv.set = () => Promise.reject(new Error("disk full"));
    expect(await failure(send("1", message))).toMatchObject({ code: "CLAWDBOT_ERR_UNREACHABLE" });
    expect(pair.platform.sent).toEqual([]);
    pair.kv.set = set;
    await send("1", message);
    expect(shown()).toEqual(["1"]);
  });
});

describe("the reply window", () => {
  test.each([
    ["a user", {}, 60, 4],
    ["a group", { group: "g1" }, 5, 5],
  ])("of %s is kept", async (_name, to, minutes, replies) => {
    const message = await asked("m1", to);
    for (let n = 1; n <= replies; n++) await send(`${n}`, message);
    expect(await failure(send("one more", message))).toMatchObject({
      code: "CLAWDBOT_ERR_DELIVERY_REJECTED",
      platformCode: "reply_window",
    });
    const late = await asked("m2", to);
    await clock.advance(minutes * MINUTE - 4000);
    await send("in time", late);
    await clock.advance(2000);
    const error = (await failure(send("too late", late))) as Error;
    expect(error).toMatchObject({ platformCode: "reply_window" });
    expect(error.message).toContain(`${replies} replies to a message, within ${minutes} minutes`);
    expect(error.message).toContain("active_push");
    expect(pair.platform.sent).toHaveLength(replies + 1);
  });

  test("that is over before the ledger says so is believed, and the reply goes another way", async () => {
    const message = await asked("m1");
    pair.platform.fault({ kind: "error", code: 40034005, times: 1 });
    expect(await failure(send("1", message))).toMatchObject({ code: "CLAWDBOT_ERR_UNREACHABLE" });
    expect(await failure(send("1", message))).toMatchObject({ platformCode: "reply_window" });
    await asked("m2");
    await send("1", message);
    expect(bodies()).toMatchObject([{ msg_id: "m2", msg_seq: 1 }]);
  });

  test("of a later message in the same chat carries what comes too late, but for its own last reply", async () => {
    const long = await asked("m1", { group: "g1" });
    await clock.advance(6 * MINUTE);
    const later = await asked("m2", { group: "g1" });
    for (let n = 1; n <= 4; n++) await send(`late ${n}`, long);
    expect(await failure(send("late 5", long))).toMatchObject({ platformCode: "reply_window" });
    await send("its own", later);
    expect(bodies().map(({ msg_id, msg_seq }) => [msg_id, msg_seq])).toEqual([1, 2, 3, 4, 5].map((seq) => ["m2", seq]));
    expect(await send("late 1", long, true)).toEqual({ detail: "already delivered" });
  });

  test("is left for a push when that is configured", async () => {
    await pair.stop();
    await setup({ section: { mode: "webhook", active_push: true } });
    const message = await asked("m1");
    await clock.advance(61 * MINUTE);
    await send("late", message);
    expect(bodies()).toEqual([{ msg_type: 0, content: "late" }]);
    pair.platform.messages.pushes = false;
    expect(await failure(send("late", { ...message, id: "another" }))).toMatchObject({ platformCode: "40034102" });
  });

  test("has one reply kept for the final text", async () => {
    const message = await asked("m1");
    for (let n = 1; n <= 3; n++) await send(`${n}`, { ...message, followedBy: 6 - n });
    for (let n = 4; n <= 5; n++) {
      expect(await failure(send(`${n}`, { ...message, followedBy: 6 - n }))).toMatchObject({ platformCode: "reply_window" });
    }
    await send("6", message);
    expect(shown()).toEqual(["1", "2", "3", "6"]);
  });

  test("does not concern what answers no message: that is a push, or rides on a message of the chat", async () => {
    await send("news", { conversation: user("u9") });
    await asked("m1");
    await send("more news", {});
    expect(bodies()).toEqual([
      { msg_type: 0, content: "news" },
      { msg_type: 0, content: "more news", msg_id: "m1", msg_seq: 1 },
    ]);
  });
});

test("an event is answered by its id, where the platform takes that", async () => {
  const { id } = await pair.platform.emit({ t: "FRIEND_ADD", d: { timestamp: 1, openid: "u1" } }, "u1");
  const [added] = pair.received;
  await send("welcome", { replyTo: added!.platformId, askedAt: clock.now() });
  expect(bodies()).toEqual([{ msg_type: 0, content: "welcome", event_id: id, msg_seq: 1 }]);
  await pair.platform.emit({ t: "GROUP_DEL_ROBOT", d: { timestamp: 1, group_openid: "g1", op_member_openid: "u1" } });
  const removed = { replyTo: pair.received[1]!.platformId, askedAt: clock.now(), conversation: group("g1") };
  expect(await failure(send("bye", removed))).toMatchObject({ platformCode: "reply_window" });
});
