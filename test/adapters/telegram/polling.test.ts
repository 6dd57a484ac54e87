import { afterEach, describe, expect, test } from "vitest";
import { ClawdbotError, OverloadedError } from "../../../src/errors.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";
import { memoryKeyValue, type Pair, startHost, startPair } from "./host.ts";

let pair: Pair;

afterEach(async () => {
  await pair.platform.stop();
  await pair.host.stop();
});

const texts = () => pair.host.received.map(({ text }) => text);
const lastReport = () => pair.host.reports.at(-1);

/** Moves time and lets real sockets be heard, until the check holds. */
async function advanceUntil(clock: ReturnType<typeof fakeClock>, what: string, check: () => boolean, stepMs = 500): Promise<void> {
  await until(what, async () => {
    await clock.advance(stepMs);
    return check();
  });
}

test("what is taken is confirmed by the next poll, and a webhook that was there is gone", async () => {
  pair = await startPair();
  expect(await pair.platform.say({ from: "42", text: "hi" })).toMatchObject({ acked: true, answers: [200] });
  expect(pair.platform.calls).toMatchObject({ getMe: 1, deleteWebhook: 1 });
  expect(pair.platform.waiting).toBe(0);
  expect(lastReport()).toEqual({ receiving: true, detail: "" });
});

test("a backlog of 500 from before the start is taken whole, in order, once", async () => {
  pair = await startPair({ start: false });
  const { host, platform } = pair;
  const said = Array.from({ length: 500 }, (_, n) => platform.say({ from: String(n % 7), text: `message ${n}` }));
  expect(platform.waiting).toBe(500);
  await host.adapter.start();
  expect((await Promise.all(said)).every(({ acked }) => acked)).toBe(true);
  expect(host.received).toHaveLength(500);
  for (let chat = 0; chat < 7; chat++) {
    const own = host.received.filter(({ conversation }) => conversation.id === String(chat)).map(({ text }) => text);
    expect(own).toEqual(
      Array.from({ length: 500 }, (_, n) => n)
        .filter((n) => n % 7 === chat)
        .map((n) => `message ${n}`),
    );
  }
});

describe("the offset", () => {
  test("does not move when receive rejects, and everything comes again in order when it takes again", async () => {
    const clock = fakeClock(Date.now());
    pair = await startPair({ clock, retries: 1000 });
    const { host, platform } = pair;
    host.broken = ({ text }) => (text === "a2" ? new OverloadedError("full") : undefined);
    const said = ["a1", "a2", "a3"].map((text) => platform.say({ from: "1", text })).concat(platform.say({ from: "2", text: "b1" }));
    await advanceUntil(clock, "the refused message to be offered twice", () => host.offered.filter(({ text }) => text === "a2").length > 1);
    expect(texts()).toEqual(["a1", "b1"]);
    expect(host.offered.map(({ text }) => text)).not.toContain("a3");
    expect(platform.waiting).toBe(3);
    host.broken = undefined;
    await advanceUntil(clock, "the rest", () => texts().length === 4);
    await Promise.all(said);
    expect(texts()).toEqual(["a1", "b1", "a2", "a3"]);
    expect(platform.waiting).toBe(0);
  });

  test("passes an update that can never be taken, so that it holds up nothing", async () => {
    pair = await startPair();
    const { host, platform } = pair;
    host.broken = ({ text }) => (text === "poison" ? new ClawdbotError("CLAWDBOT_ERR_INVALID", "not JSON") : undefined);
    expect(await platform.say({ from: "1", text: "poison" })).toMatchObject({ acked: true });
    expect(await platform.happen({ message: { message_id: 1 } as never })).toMatchObject({ acked: true });
    expect(await platform.say({ from: "1", text: "next" })).toMatchObject({ acked: true });
    expect(texts()).toEqual(["next"]);
    expect(host.logged.map(({ message }) => message)).toEqual(
      expect.arrayContaining(["update can never be taken", "update not understood"]),
    );
  });

  test("is not kept: a smaller update_id, as after a week of silence or on another server, is taken and confirmed", async () => {
    pair = await startPair();
    const { host, platform } = pair;
    await platform.say({ from: "1", text: "large id" });
    const message = { message_id: 5, date: 1, chat: { id: 1, type: "private" as const }, from: { id: 1, is_bot: false, first_name: "u" } };
    const small = await platform.happen({ update_id: 7, message: { ...message, text: "small id" } } as never);
    expect(small).toMatchObject({ acked: true });
    expect(texts()).toEqual(["large id", "small id"]);
    expect([...(host.kv as ReturnType<typeof memoryKeyValue>).rows.keys()]).toEqual(["bot"]);
  });
});

test("a stopped adapter asks no more, and after a start it goes on", async () => {
  pair = await startPair();
  const { host, platform } = pair;
  await host.adapter.stop();
  await host.adapter.stop();
  const polls = platform.calls.getUpdates;
  const said = platform.say({ from: "1", text: "meanwhile" });
  expect(platform.calls.getUpdates).toBe(polls);
  await host.adapter.start();
  await host.adapter.start();
  expect(await said).toMatchObject({ acked: true });
});

describe("trouble", () => {
  test("409 for a minute (another program polls) is told, waited out with growing pauses, and over when the other one is gone", async () => {
    const clock = fakeClock(Date.now());
    pair = await startPair({ clock });
    const { host, platform } = pair;
    platform.pollFault({ kind: "conflict" });
    const before = platform.calls.getUpdates ?? 0;
    const start = clock.monotonic();
    await advanceUntil(clock, "a minute", () => clock.monotonic() - start >= 60_000);
    expect(lastReport()).toMatchObject({ receiving: false, detail: expect.stringContaining("only one program may poll") });
    expect(platform.calls.getUpdates! - before).toBeGreaterThan(3);
    expect(platform.calls.getUpdates! - before).toBeLessThan(15);
    const said = platform.say({ from: "1", text: "kept" });
    platform.pollFault(null);
    await advanceUntil(clock, "the message", () => texts().length === 1);
    await said;
    expect(lastReport()).toEqual({ receiving: true, detail: "" });
    expect(host.logged.filter(({ message }) => message.startsWith("not receiving"))).toHaveLength(1);
  });

  test("a poll that has gone silent is given up and made anew", async () => {
    const clock = fakeClock(Date.now());
    pair = await startPair({ clock, netClock: clock });
    const { platform } = pair;
    await until("the first poll", () => platform.calls.getUpdates === 1);
    platform.pollFault({ kind: "silent" });
    // Ends the first poll; the next one is swallowed.
    await advanceUntil(clock, "the silent poll", () => platform.calls.getUpdates! >= 2);
    platform.pollFault(null);
    const said = platform.say({ from: "1", text: "heard" });
    const start = clock.monotonic();
    await advanceUntil(clock, "the message", () => texts().length === 1, 100);
    await said;
    expect(clock.monotonic() - start).toBeLessThanOrEqual(60_000);
    expect(pair.host.reports).toContainEqual({ receiving: false, detail: expect.stringContaining("no answer within 35000 ms") });
    expect(lastReport()).toEqual({ receiving: true, detail: "" });
  });

  test.each([
    [401, "Unauthorized", "check token"],
    [500, "Internal Server Error", "500"],
    [429, "Too Many Requests: retry after 1", "429"],
  ])("%i is told and outlived", async (status, description, detail) => {
    const clock = fakeClock(Date.now());
    pair = await startPair({ clock });
    const { platform } = pair;
    platform.pollFault({ kind: "error", status, description });
    await advanceUntil(clock, "the report", () => lastReport()?.receiving === false && lastReport()!.detail.includes(detail));
    platform.pollFault(null);
    const said = platform.say({ from: "1", text: "after" });
    await advanceUntil(clock, "the message", () => texts().length === 1);
    await said;
  });

  test("a platform that is away at the start is waited for", async () => {
    const clock = fakeClock(Date.now());
    pair = await startPair({ clock, start: false });
    const { host, platform } = pair;
    platform.fault({ kind: "refuse" });
    await host.adapter.start();
    expect(lastReport()).toMatchObject({ receiving: false });
    platform.fault(null);
    const said = platform.say({ from: "1", text: "hi" });
    await advanceUntil(clock, "the message", () => texts().length === 1);
    await said;
  });

  test("no error names the token", async () => {
    const clock = fakeClock(Date.now());
    pair = await startPair({ clock, section: { token: "1:another-token" } });
    const { host } = pair;
    await host.stop();
    const stranger = await startHost({ token: "987:never-to-be-shown", api_base: pair.platform.apiBase }, { kv: memoryKeyValue(), clock });
    await advanceUntil(clock, "a report", () => stranger.reports.length > 1);
    expect(JSON.stringify([stranger.reports, stranger.logged])).not.toContain("never-to-be-shown");
    expect(stranger.reports[0]).toMatchObject({ receiving: false, detail: expect.stringContaining("401") });
    await stranger.stop();
  });
});
