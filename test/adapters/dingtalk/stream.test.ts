import { type AddressInfo, createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { ROBOT_TOPIC } from "../../../adapters/dingtalk/frames.ts";
import simulation from "../../../adapters/dingtalk/simulator.ts";
import { Link } from "../../../adapters/dingtalk/stream-link.ts";
import { OverloadedError } from "../../../src/errors.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";
import { createHost, deferred, type Host, type Pair, startPair } from "./host.ts";

let pair: Pair;
let clock: FakeClock;

async function setup(options: Parameters<typeof startPair>[0] = {}): Promise<Pair> {
  clock = fakeClock();
  pair = await startPair({ clock, ...options });
  return pair;
}

afterEach(async () => {
  await pair.platform.stop();
  await stopOnFakeTime(pair.host);
});

/** Stopping may wait for answers and for the peer's close, on a clock that only moves when told. */
async function stopOnFakeTime(host: Host): Promise<void> {
  let stopped = false;
  const stopping = host.stop().finally(() => {
    stopped = true;
  });
  while (!stopped) await clock.advance(1000);
  await stopping;
}

const last = () => pair.host.reports.at(-1);

describe("an expired connection", () => {
  test("is replaced before it is closed, and nothing sent in its last ten seconds is lost", async () => {
    const { host, platform } = await setup();
    await clock.advance(120_000);
    platform.gateway.expire();
    expect(platform.gateway.live).toBe(0);
    await until("the next connection", () => platform.gateway.live === 1);
    for (let second = 0; second < 10; second++) {
      // One push each: a message that went to the expired connection would stay unanswered.
      expect((await platform.say({ from: "u1", text: `message ${second}` })).answers).toEqual([200]);
      await clock.advance(1000);
    }
    expect(host.received.map(({ text }) => text)).toEqual(Array.from({ length: 10 }, (_, second) => `message ${second}`));
    await until("the old one to be closed", () => platform.gateway.open === 1);
    expect(platform.server.opening.at).toHaveLength(2);
    expect(last()).toEqual({ receiving: true, detail: "connected" });
  });

  test("still gets the answers to what it brought, and is then closed by us", async () => {
    const { host, platform } = await setup();
    const held = deferred();
    host.gate = () => held.promise;
    const pushed = platform.gateway.push(robotFrame("m1"), 60_000);
    await until("the frame to arrive", () => platform.gateway.ping(1000));
    platform.gateway.expire();
    await until("the next connection", () => platform.gateway.live === 1);
    expect(platform.gateway.open).toBe(2);
    held.resolve();
    expect(await pushed).toBe(200);
    await until("the old one to be closed", () => platform.gateway.open === 1);
  });

  test("does not make a storm when each new one expires at once", async () => {
    const { platform } = await setup();
    for (let round = 0; round < 600; round++) {
      if (platform.gateway.live > 0) platform.gateway.expire();
      await clock.advance(100);
      await until("calls to be answered", () => platform.server.opening.now === 0);
    }
    expect(platform.server.opening.at.length).toBeGreaterThan(3);
    expect(platform.server.opening.at.length).toBeLessThan(20);
    expect(platform.server.opening.most).toBe(1);
  });
});

describe("a platform that refuses", () => {
  test.each([
    ["sockets", (on: Pair["platform"]) => on.gateway.refuse(true)],
    ["the call for a connection", (on: Pair["platform"]) => on.fault({ kind: "server-error" })],
  ])("%s gets fewer than 20 calls in a minute, one at a time and ever further apart", async (_what, refuse) => {
    const { platform } = await setup();
    await clock.advance(60_000);
    refuse(platform);
    platform.gateway.reset();
    await until("the loss to be noticed", () => last()?.receiving === false);
    const { opening } = platform.server;
    const before = opening.at.length;
    for (let tenth = 0; tenth < 600; tenth++) {
      await clock.advance(100);
      await until("a wait, and no call", () => opening.now === 0 && clock.pendingTimers === 1);
    }
    const calls = opening.at.slice(before);
    expect(calls.length).toBeGreaterThan(3);
    expect(calls.length).toBeLessThan(20);
    expect(opening.most).toBe(1);
    const waits = calls.slice(1).map((at, index) => at - calls[index]!);
    expect(Math.min(...waits.slice(-2))).toBeGreaterThan(4 * waits[0]!);
    expect(last()).toMatchObject({ receiving: false });

    platform.fault(null);
    platform.gateway.refuse(false);
    await until("a connection", async () => {
      await clock.advance(100);
      return last()?.receiving;
    });
    expect(platform.gateway.live).toBe(1);
  });

  test("is tried again by start itself, which does not wait for success, and stop ends that", async () => {
    const { platform } = await setup();
    platform.gateway.refuse(true);
    const host = await createHost(simulation.config(platform.apiBase), { clock });
    await host.adapter.start();
    await host.adapter.start();
    expect(host.reports).toMatchObject([{ receiving: false }]);
    const calls = platform.server.opening.at.length;
    await stopOnFakeTime(host);
    await clock.advance(600_000);
    expect(platform.server.opening.at).toHaveLength(calls);
  });

  test("credentials: the operator is told what to look at, and never the secret", async () => {
    const { platform } = await setup();
    const section = { ...simulation.config(platform.apiBase), client_secret: "another-secret" };
    const host = await createHost(section, { clock });
    await host.adapter.start();
    expect(host.reports).toMatchObject([{ receiving: false, detail: expect.stringContaining("check client_id and client_secret") }]);
    expect(JSON.stringify(host.logged)).not.toContain("another-secret");
    await stopOnFakeTime(host);
  });
});

describe("a connection on which nothing comes", () => {
  test("is not taken for dead while it answers pings", async () => {
    const { platform } = await setup();
    for (let n = 0; n < 400; n++) {
      await clock.advance(10_000);
      await until("a pong, when one was asked for", () => clock.pendingTimers === 1 && platform.gateway.ping(5000));
    }
    expect(platform.server.opening.at).toHaveLength(1);
    expect(platform.gateway.live).toBe(1);
  });

  test("is replaced within a minute when it is half-open", async () => {
    const { platform } = await setup();
    await clock.advance(60_000);
    platform.gateway.freeze();
    for (let second = 0; second < 60 && platform.gateway.live === 0; second++) await clock.advance(1000);
    await until("the next connection", () => platform.gateway.live === 1);
    expect(pair.host.reports.map(({ detail }) => detail)).toContain("the connection is dead, opening the next one");
    expect((await platform.say({ from: "u1", text: "hi" })).acked).toBe(true);
  });

  test("is given up while it is being made, after ten seconds", async () => {
    const { platform } = await setup();
    const silent = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const { signal } = new AbortController();
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const connecting = Link.connect(`ws://127.0.0.1:${port}/`, { clock, log, answer: async () => undefined }, signal);
    const refused = expect(connecting).rejects.toThrow("no connection within 10000 ms");
    await until("the attempt to begin", async () => clock.pendingTimers === 2 && (await platform.gateway.ping(1000)));
    await clock.advance(10_000);
    await refused;
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe("the acknowledgement", () => {
  test("is sent only once the message is on disk", async () => {
    const { host, platform } = await setup();
    const held = deferred();
    host.gate = () => held.promise;
    let answer: unknown;
    const pushed = platform.gateway.push(robotFrame("m1"), 60_000).then((code) => {
      answer = code;
    });
    // Frames are handled in order, so after this one the first has been looked at.
    expect(await platform.gateway.ping(5000)).toBe(true);
    expect(answer).toBeUndefined();
    held.resolve();
    await pushed;
    expect(answer).toBe(200);
  });

  test("is not sent for a message that was not taken; pushed again, it is", async () => {
    const { host, platform } = await setup();
    host.gate = () => Promise.reject(new OverloadedError("full"));
    const refused = platform.gateway.push(robotFrame("m1"), 60_000);
    expect(await platform.gateway.ping(5000)).toBe(true);
    await clock.advance(60_000);
    expect(await refused).toBe("no answer");
    host.gate = undefined;
    expect(await platform.gateway.push(robotFrame("m1"), 60_000)).toBe(200);
    expect(host.received.map(({ platformId }) => platformId)).toEqual(["m1"]);
  });

  test("that is lost brings the same message again in a new frame: known by its msgId, it is acknowledged too", async () => {
    const { host, platform } = await setup();
    platform.gateway.loseAnswers(1);
    const lost = platform.gateway.push(robotFrame("m1"), 60_000);
    await until("it to arrive", () => host.received.length === 1);
    await clock.advance(60_000);
    expect(await lost).toBe("no answer");
    expect(await platform.gateway.push(robotFrame("m1"), 60_000)).toBe(200);
    expect(host.received.map(({ platformId }) => platformId)).toEqual(["m1", "m1"]);
  });
});

test("of a burst of pictures each one arrives and is acknowledged", async () => {
  const { host, platform } = await setup();
  const about = { conversationType: "1", conversationId: "cid1", senderId: "$:x", senderStaffId: "u1", createAt: 1, msgtype: "picture" };
  const data = (n: number) => JSON.stringify({ ...about, msgId: `m${n}`, content: { downloadCode: `code-${n}` } });
  const pushes = Array.from({ length: 100 }, (_, n) => platform.gateway.push({ ...robotFrame(""), data: data(n) }, 60_000));
  expect(await Promise.all(pushes)).toEqual(Array(100).fill(200));
  expect(host.received.map(({ platformId }) => platformId)).toEqual(Array.from({ length: 100 }, (_, n) => `m${n}`));
});

describe("frames", () => {
  test.each(["not json", "null", "[]", "{}", '{"type":"CALLBACK","headers":{}}', '{"type":1,"headers":{"topic":"x"}}'])(
    "%s neither ends the connection nor makes it deaf",
    async (text) => {
      const { platform } = await setup();
      platform.gateway.raw(text);
      expect(await platform.gateway.ping(5000)).toBe(true);
      expect(platform.gateway.live).toBe(1);
    },
  );

  test.each([
    ["a robot message without an id", { ...robotFrame("m1"), data: '{"msgtype":"text"}' }, 400],
    ["a robot message that is not JSON", { ...robotFrame("m1"), data: "{" }, 400],
    ["a topic that was not asked for", { ...robotFrame("m1"), topic: "/v1.0/graph/api/invoke" }, 404],
    ["an event", { type: "EVENT", topic: "user_add_org", data: "{}" }, 404],
  ])("%s is answered with its code", async (_name, frame, code) => {
    const { host, platform } = await setup();
    expect(await platform.gateway.push(frame, 5000)).toBe(code);
    expect(host.received).toEqual([]);
  });
});

test("what arrives while the channel stops is left to the platform", async () => {
  const { host, platform } = await setup();
  const held = deferred();
  host.gate = () => held.promise;
  const first = platform.gateway.push(robotFrame("m1"), 60_000);
  await until("it to arrive", () => platform.gateway.ping(1000));
  const stopped = host.adapter.stop();
  const second = platform.gateway.push(robotFrame("m2"), 60_000);
  held.resolve();
  expect(await first).toBe(200);
  expect(await second).toBe("closed");
  await stopped;
  expect(host.received.map(({ platformId }) => platformId)).toEqual(["m1"]);
});

function robotFrame(msgId: string) {
  const about = { conversationType: "1", conversationId: "cid1", senderId: "$:LWCP_v1:$x", senderStaffId: "u1", createAt: 1 };
  return { type: "CALLBACK", topic: ROBOT_TOPIC, data: JSON.stringify({ ...about, msgId, msgtype: "text", text: { content: "hi" } }) };
}
