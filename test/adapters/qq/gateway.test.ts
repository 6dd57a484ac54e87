import { afterEach, describe, expect, test } from "vitest";
import { ClawdbotError, OverloadedError } from "../../../src/errors.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";
import { type Pair, type PairOptions, startPair } from "./host.ts";

let pair: Pair;
let clock: FakeClock;

/** Moves time until something is so. Sockets and HTTP are real and take their turns in between. */
async function within(ms: number, what: string, check: () => boolean): Promise<void> {
  const end = clock.monotonic() + ms;
  await until(what, async () => {
    if (!check() && clock.monotonic() < end) await clock.advance(Math.min(250, end - clock.monotonic()));
    return check();
  });
}

async function setup(options: PairOptions = {}): Promise<Pair> {
  clock = fakeClock(Date.now());
  pair = await startPair({ clock, heartbeatMs: 45_000, ...options });
  return pair;
}

/** The platform pushes an event and does not wait for what comes of it. */
function push(id: string, text = "hi"): void {
  void pair.platform.say({ from: "u1", text, id });
}

const ids = () => pair.received.map(({ platformId }) => platformId);
const calls = () => pair.platform.calls;

afterEach(async () => {
  await pair.stop();
});

test("logs in with the configured intents and reports that messages come in", async () => {
  await setup();
  expect(pair.state).toEqual({ receiving: true, detail: "identified" });
  push("m1");
  await until("the message", () => ids().includes("m1"));
  expect(pair.hidden).toHaveLength(1);
});

describe("a connection that ends", () => {
  test("by 4009 goes on with its session, however often, and misses nothing (openclaw#65579)", async () => {
    await setup();
    for (let n = 1; n <= 5; n++) {
      await clock.advance(60_000);
      await until("the connection", () => pair.platform.gateway.connections === 1 && pair.state.receiving);
      pair.platform.gateway.close(4009);
      await until("the end", () => !pair.state.receiving);
      push(`m${n}`);
      await within(5000, "the connection", () => pair.state.receiving);
      expect(pair.state.detail).toBe("resumed");
    }
    await until("all messages", () => ids().length === 5);
    expect(calls()).toMatchObject({ identify: 1, resume: 5 });
  });

  test("by op 7 and then 4009 keeps its session (openclaw#78890)", async () => {
    await setup();
    for (let n = 1; n <= 3; n++) {
      pair.platform.gateway.send(7);
      await until("the end", () => !pair.state.receiving);
      await within(60_000, "the connection", () => pair.state.receiving);
      await clock.advance(6000);
      pair.platform.gateway.close(4009);
      await until("the end", () => !pair.state.receiving);
      await within(60_000, "the connection", () => pair.state.receiving);
      await clock.advance(6000);
    }
    expect(calls()).toMatchObject({ identify: 1, resume: 6 });
  });

  test("by 4902 after a Resume logs in anew instead of resuming for ever (bot-node-sdk#94)", async () => {
    await setup();
    pair.platform.gateway.refusals.push(4902);
    pair.platform.gateway.close(4009);
    await until("the end", () => !pair.state.receiving);
    await within(30_000, "the connection", () => pair.state.receiving);
    expect(pair.state.detail).toBe("identified");
    expect(calls()).toMatchObject({ identify: 2, resume: 1 });
  });

  test.each([4004, 4006, 4007, 4900, 4913])("by %i logs in anew", async (code) => {
    await setup();
    pair.platform.gateway.close(code);
    await until("the end", () => !pair.state.receiving);
    await within(10_000, "the connection", () => pair.state.receiving);
    expect(calls()).toMatchObject({ identify: 2 });
    expect(calls().resume).toBeUndefined();
  });

  test.each([
    [4001, "opcode"],
    [4011, "sharding"],
    [4014, "intents"],
    [4914, "publish it"],
    [4915, "banned"],
  ])("by %i stops and says what to do", async (code, advice) => {
    await setup();
    pair.platform.gateway.close(code);
    await until("the end", () => !pair.state.receiving);
    expect(pair.state.detail).toContain(advice);
    await clock.advance(3_600_000);
    expect(calls()).toMatchObject({ identify: 1 });
    expect(pair.logged.map(({ message }) => message)).toContain("gateway gives up until the daemon is started again");
  });

  test("by 4008 waits for a minute before it resumes", async () => {
    await setup();
    await clock.advance(10_000);
    pair.platform.gateway.close(4008);
    await until("the end", () => !pair.state.receiving);
    await clock.advance(59_000);
    expect(calls().resume).toBeUndefined();
    await within(2000, "the connection", () => pair.state.receiving);
    expect(calls()).toMatchObject({ identify: 1, resume: 1 });
  });

  test.each([
    [true, "resume"],
    [false, "identify"],
  ])("by op 9 with %s goes on with %s, after three seconds", async (mayResume, call) => {
    await setup();
    pair.platform.gateway.send(9, mayResume);
    await until("the end", () => !pair.state.receiving);
    const before = calls()[call] ?? 0;
    await clock.advance(2900);
    expect(calls()[call] ?? 0).toBe(before);
    await within(1000, "the connection", () => pair.state.receiving);
    expect(calls()[call]).toBe(before + 1);
  });

  test("without a word (1006) is resumed, and a platform that has forgotten the session gets a new login", async () => {
    await setup();
    pair.platform.gateway.forget();
    pair.platform.gateway.terminate();
    await until("the end", () => !pair.state.receiving);
    await within(30_000, "the connection", () => pair.state.receiving);
    expect(calls()).toMatchObject({ identify: 2, resume: 1 });
    expect(pair.logged.map(({ message }) => message)).toContain("gateway connection ended");
  });

  test("three Resumes in a row that come to nothing end the session, no more and no less", async () => {
    await setup();
    pair.platform.gateway.refusals.push(4009, 4009, 4009);
    pair.platform.gateway.close(4009);
    await until("the end", () => !pair.state.receiving);
    await within(60_000, "the connection", () => pair.state.receiving);
    expect(calls()).toMatchObject({ identify: 2, resume: 3 });
  });
});

describe("a peer that is silent", () => {
  test("on an open connection is left after one heartbeat interval, and nothing is missed (openclaw-qqbot#301)", async () => {
    await setup();
    await clock.advance(45_000);
    await until("the first heartbeat's answer", () => calls().heartbeat === 1);
    pair.platform.gateway.frozen = true;
    push("m1");
    const began = clock.monotonic();
    await within(600_000, "the watchdog", () => !pair.state.receiving);
    expect(clock.monotonic() - began).toBeLessThanOrEqual(91_000);
    expect(pair.state.detail).toContain("heartbeats");
    pair.platform.gateway.frozen = false;
    await within(10_000, "the connection", () => pair.state.receiving);
    await until("the message", () => ids().includes("m1"));
    expect(calls()).toMatchObject({ identify: 1, resume: 1 });
  });

  test("from the start does not hold up the daemon for ever", async () => {
    clock = fakeClock(Date.now());
    const starting = startPair({ clock, heartbeatMs: 45_000, prepare: ({ gateway }) => (gateway.frozen = true) });
    let started = false;
    void starting.then(() => (started = true));
    await within(60_000, "the start", () => started);
    pair = await starting;
    expect(pair.state).toEqual({ receiving: false, detail: "the gateway does not answer" });
    pair.platform.gateway.frozen = false;
    await within(10_000, "the connection", () => pair.state.receiving);
  });
});

describe("the resume position", () => {
  test("is that of what is on disk: a message that was not taken comes again", async () => {
    await setup();
    push("m1");
    await until("the first", () => ids().includes("m1"));
    let refusing = true;
    pair.onReceive = () => {
      if (refusing) throw new OverloadedError("full", 7000);
    };
    push("m2");
    push("m3");
    await until("the end", () => !pair.state.receiving);
    expect(pair.state.detail).toContain("send it again");
    await clock.advance(6900);
    expect(calls().resume).toBeUndefined();
    refusing = false;
    await within(2000, "the connection", () => pair.state.receiving);
    await until("the others", () => ids().length === 3);
    expect(ids()).toEqual(["m1", "m2", "m3"]);
    expect(pair.platform.gateway.resumedAt).toEqual([2]);
  });

  test("does not move past a message that is still on its way to the disk, in heartbeats neither", async () => {
    await setup();
    let store = () => {};
    pair.onReceive = ({ platformId }) => (platformId === "slow" ? new Promise<void>((resolve) => (store = resolve)) : undefined);
    const slow = pair.platform.say({ from: "u1", text: "slow", id: "slow" });
    const quick = pair.platform.say({ from: "u1", text: "quick", id: "quick" });
    await until("the quick one", () => ids().includes("quick"));
    const beats = calls().heartbeat ?? 0;
    await within(46_000, "a heartbeat", () => (calls().heartbeat ?? 0) > beats);
    expect((await slow).acked).toBe(false);
    expect((await quick).acked).toBe(false);
    pair.platform.gateway.close(4009);
    await until("the end", () => !pair.state.receiving);
    pair.onReceive = () => {};
    await within(5000, "the connection", () => pair.state.receiving);
    expect(pair.platform.gateway.resumedAt).toEqual([1]);
    await until("both again", () => ids().length === 3);
    store();
    await until("the late one", () => ids().length === 4);
    expect(ids()).toEqual(["quick", "slow", "quick", "slow"]);
  });

  test("survives a restart, and what was written in between arrives", async () => {
    await setup();
    push("m1");
    await until("the first", () => ids().includes("m1"));
    await pair.adapter.stop();
    push("m2");
    await pair.restart();
    await until("the second", () => ids().includes("m2"));
    expect(ids()).toEqual(["m1", "m2"]);
    expect(calls()).toMatchObject({ identify: 1, resume: 1 });
    expect(pair.state).toEqual({ receiving: true, detail: "resumed" });
  });

  test("of another app or other intents is not used", async () => {
    await setup();
    const { value } = (await pair.kv.get("gateway_session"))!;
    await pair.adapter.stop();
    await pair.kv.set("gateway_session", { ...(value as object), owner: "somebody else" });
    await pair.restart();
    expect(calls()).toMatchObject({ identify: 2 });
    expect(calls().resume).toBeUndefined();
  });

  test("is not held back by an event that nobody can read", async () => {
    await setup();
    void pair.platform.emit({ t: "C2C_MESSAGE_CREATE", d: { id: "broken" } });
    push("m1");
    await until("the message", () => ids().includes("m1"));
    expect(pair.logged.find(({ message }) => message.startsWith("event left out"))?.fields).toMatchObject({ code: "malformed_event" });
    await pair.adapter.stop();
    await pair.restart();
    expect(pair.platform.gateway.resumedAt).toEqual([3]);
  });
});

test("a message that the store can never take does not hold up what comes after it", async () => {
  await setup();
  pair.onReceive = ({ platformId }) => {
    if (platformId === "never") throw new ClawdbotError("CLAWDBOT_ERR_INVALID", "not JSON");
  };
  push("never");
  push("m1");
  await until("the message", () => ids().includes("m1"));
  expect(pair.state.receiving).toBe(true);
  expect(pair.logged.map(({ message }) => message)).toContain("message left out: the store can never take it");
});

test("no login is made while none are left", async () => {
  await setup({ prepare: ({ api }) => (api.loginsLeft = 0) });
  expect(pair.state).toEqual({ receiving: false, detail: "no logins left for now" });
  pair.platform.api.loginsLeft = 1;
  await clock.advance(590_000);
  expect(calls().identify).toBeUndefined();
  await within(15_000, "the connection", () => pair.state.receiving);
});

test("a wrong secret is said plainly, and the daemon starts all the same", async () => {
  await setup({ own: { secret: "of-another-bot" } });
  expect(pair.state.receiving).toBe(false);
  expect(pair.state.detail).toContain("check app_id and secret");
  expect(JSON.stringify([pair.state, pair.logged])).not.toContain("of-another-bot");
});

test("a platform that is away when the daemon starts is found when it is back", async () => {
  await setup({ prepare: (platform) => platform.fault({ kind: "refuse" }) });
  expect(pair.state.receiving).toBe(false);
  pair.platform.fault(null);
  await within(60_000, "the connection", () => pair.state.receiving);
});

test("stopping leaves no timer behind, and starting and stopping twice does no harm", async () => {
  await setup();
  await pair.adapter.start();
  await pair.adapter.stop();
  await pair.adapter.stop();
  await until("the platform to notice", () => pair.platform.gateway.connections === 0);
  expect(clock.pendingTimers).toBe(0);
  await pair.adapter.start();
  await within(5000, "the connection", () => pair.state.receiving);
  expect(pair.platform.gateway.connections).toBe(1);
});
