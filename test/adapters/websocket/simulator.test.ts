import { OverloadedError, type Simulator } from "clawdbot";
import { afterEach, describe, expect, test } from "vitest";
import simulator from "../../../adapters/websocket/simulator.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";
import { type Host, startHost } from "./host.ts";

let host: Host;
let users: Simulator;
afterEach(async () => {
  await users.stop();
  await host.stop();
});

/** Lets time pass until the promise has settled. */
async function settled<T>(promise: Promise<T>, clock: FakeClock): Promise<T> {
  let result: { value: T } | undefined;
  const end = promise.then((value) => {
    result = { value };
  });
  while (!result) await clock.advance(5);
  await end;
  return result.value;
}

async function start(options: { retries?: number; retryDelayMs?: number; clock?: FakeClock } = {}) {
  const config = simulator.config("");
  host = await startHost(config, { real: true });
  host.echo();
  users = simulator.create({ config, daemonUrl: host.url, retryDelayMs: 5, ...options });
  await users.start();
}

describe("say", () => {
  test("offers a message and the reply is recorded under its conversation", async () => {
    await start();
    expect(await users.say({ text: "one", from: "u1", id: "m-1" })).toEqual({ id: "m-1", acked: true, answers: ["accepted"] });
    await users.say({ text: "two", from: "u1", group: "g1" });
    const sent = await users.waitForSent(2);
    expect(sent.map(({ conversation, text, suppressed }) => [conversation, text, suppressed])).toEqual([
      ["u1", "one", false],
      ["g1", "two", false],
    ]);
    expect(await users.waitForSent(1, { conversation: "g1" })).toHaveLength(1);
    expect(host.received.map((message) => message.conversation)).toEqual([
      { id: "u1", type: "direct" },
      { id: "g1", type: "group" },
    ]);
  });

  test("with duplicate sends the same id that many times", async () => {
    await start();
    const { answers } = await users.say({ text: "hi", from: "u1" }, { duplicate: 5 });
    expect(answers.sort()).toEqual(["accepted", "duplicate", "duplicate", "duplicate", "duplicate"]);
    expect(host.received).toHaveLength(1);
  });

  test("offers a refused message again until the daemon takes it", async () => {
    await start();
    const { receive } = host.context;
    let refusals = 0;
    host.override({ receive: (message) => (refusals++ < 3 ? Promise.reject(new OverloadedError("full")) : receive(message)) });
    const refused = "CLAWDBOT_ERR_OVERLOADED";
    expect(await users.say({ text: "hi", from: "u1", id: "m-1" })).toEqual({
      id: "m-1",
      acked: true,
      answers: [refused, refused, refused, "accepted"],
    });
  });

  test("gives up when all retries are used up", async () => {
    await start({ retries: 2 });
    host.override({ receive: () => Promise.reject(new OverloadedError("full")) });
    const { acked, answers } = await users.say({ text: "hi", from: "u1" });
    expect([acked, answers.length]).toEqual([false, 3]);
  });

  test("gives up when no daemon comes", async () => {
    await start({ retries: 2 });
    users.daemonUrl = "http://127.0.0.1:9";
    await users.stop();
    await users.start();
    const { acked, answers } = await users.say({ text: "hi", from: "u1" });
    expect([acked, answers]).toEqual([false, Array(3).fill("CLAWDBOT_ERR_UNREACHABLE")]);
  });

  test("gives up when the daemon does not come back, and speaks again when it does", async () => {
    const clock = fakeClock();
    await start({ retries: 4, clock });
    const said = (text: string) => settled(users.say({ text, from: "u1" }), clock);
    await said("one");
    await host.adapter.stop();
    const { acked, answers } = await said("two");
    expect([acked, answers]).toEqual([false, Array(5).fill("CLAWDBOT_ERR_UNREACHABLE")]);
    await host.adapter.start();
    await until("the users to be back", async () => {
      await clock.advance(5);
      return users.calls.up === 2;
    });
    expect((await said("three")).acked).toBe(true);
  });

  test.each([
    ["token", 401],
    ["no-token", 401],
    ["origin", 403],
    ["binary", 1003],
    ["bad-json", 4000],
    ["oversized", 1009],
  ])("forged by %s is refused with %i and reaches nobody", async (forge, answer) => {
    await start();
    expect(simulator.forgeries).toContain(forge);
    expect(await users.say({ text: "hi", from: "u1", id: "f-1" }, { forge })).toEqual({ id: "f-1", acked: false, answers: [answer] });
    expect(host.received).toEqual([]);
  });
});

describe("when the daemon dies", () => {
  test("what was not answered is offered again under its id, and every reply comes once", async () => {
    await start();
    const { receive } = host.context;
    let died: Promise<void> | undefined;
    host.override({
      async receive(message) {
        if (host.received.length < 50 || died) return await receive(message);
        await receive(message);
        // On disk, and then no answer: the process is gone.
        died = new Promise((resolve) => setImmediate(resolve)).then(() => host.crash());
        return await new Promise(() => {});
      },
    });
    const said = await Promise.all(Array.from({ length: 100 }, (_, n) => users.say({ text: `t${n}`, from: `u${n % 7}` })));
    expect(said.every((offered) => offered.acked)).toBe(true);
    const sent = await users.waitForSent(100);
    expect(new Set(sent.map((record) => record.text)).size).toBe(100);
    expect(users.sent).toHaveLength(100);
    expect(users.calls.up).toBe(2);
  });

  test("and comes back elsewhere, the users find it by daemonUrl", async () => {
    await start();
    await users.say({ text: "hi", from: "u1" });
    const old = host;
    host = await startHost(simulator.config(""), { real: true });
    host.echo();
    users.daemonUrl = host.url;
    await old.stop();
    expect((await users.say({ text: "hi", from: "u1" })).acked).toBe(true);
    expect(host.received).toHaveLength(1);
  });
});

describe("faults", () => {
  test("reset breaks the connection; it comes back and misses nothing", async () => {
    await start();
    await users.say({ text: "one", from: "u1" });
    await users.waitForSent(1);
    users.fault({ kind: "reset" });
    await users.say({ text: "two", from: "u1" });
    expect((await users.waitForSent(2)).map((record) => record.text)).toEqual(["one", "two"]);
  });

  test("slow leaves replies unacknowledged until it is cleared", async () => {
    await start();
    const acked = async () => {
      await host.adapter.stop();
      await host.adapter.start();
      return [...host.kept.values()];
    };
    users.fault({ kind: "slow" });
    await users.say({ text: "one", from: "u1" });
    await users.waitForSent(1);
    expect(await acked()).toEqual([{ seq: 1, acked: 0 }]);
    users.fault(null);
    await users.say({ text: "two", from: "u1" });
    await users.waitForSent(2);
    await users.say({ text: "three", from: "u1" });
    expect((await acked())[0]).toMatchObject({ acked: expect.toSatisfy((seq) => seq >= 2) });
  });

  test("a reply with a number that was there before is recorded as suppressed", async () => {
    await start();
    await users.say({ text: "one", from: "u1" });
    await users.waitForSent(1);
    const { sent } = host.context;
    // A daemon that forgets what it was asked for: everything comes again.
    host.override({ sent: (account, after, limit) => sent(account, Math.min(after, 0), limit) });
    await users.say({ text: "two", from: "u1" });
    await users.waitForSent(2);
    host.store.push({ reply: host.reply("three", { conversation: { id: "u1", type: "direct" } }), result: { sequence: 3 } });
    await host.crash();
    expect(await users.waitForSent(3)).toHaveLength(3);
    expect(users.sent.filter((record) => record.suppressed).map((record) => record.text)).toEqual(["one", "two"]);
  });

  test("waiting for more than comes is told in words", async () => {
    await start();
    await expect(users.waitForSent(1, { timeoutMs: 10 })).rejects.toThrow("0 of 1 replies within 10 ms");
  });
});
