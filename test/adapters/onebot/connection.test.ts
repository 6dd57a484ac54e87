import { ClawdbotError, OverloadedError } from "clawdbot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../src/testing/until.ts";
import { type Host, lifecycle, privateEvent, SELF, startHost } from "./host.ts";

let host: Host;
beforeEach(async () => {
  host = await startHost();
});
afterEach(() => host.stop());

const ids = () => host.received.map(({ platformId }) => platformId);

describe("a new connection of the same account", () => {
  test("takes the place of the old one, which may be half dead", async () => {
    const old = await host.peer();
    old.socket.pause();
    const fresh = await host.peer();
    const sending = host.send(host.reply("pong"));
    const { echo } = await fresh.call();
    fresh.send({ status: "ok", retcode: 0, data: { message_id: 8 }, echo });
    expect(await sending).toEqual({ platformId: "8" });
    old.socket.resume();
    expect(await old.closed).toBe(1008);
    fresh.send(privateEvent(1));
    await fresh.pong();
    expect(ids()).toEqual(["1"]);
    expect(host.state).toEqual({ receiving: true, detail: SELF });
  });

  test("leaves alone the other role of that account", async () => {
    const api = await host.peer({ role: "API" });
    const event = await host.peer({ role: "Event" });
    event.send(privateEvent(1));
    await event.pong();
    expect(ids()).toEqual(["1"]);
    const sending = host.send(host.reply("pong"));
    const { echo } = await api.call();
    api.send({ status: "ok", retcode: 0, data: { message_id: "8" }, echo });
    expect(await sending).toEqual({ platformId: "8" });
    expect(event.frames).toEqual([]);
    const again = await host.peer({ role: "API" });
    expect(await api.closed).toBe(1008);
    await Promise.all([event.pong(), again.pong()]);
  });

  test("with only its events connected, an account cannot be reached", async () => {
    await host.peer({ role: "Event" });
    await expect(host.send(host.reply("pong"))).rejects.toMatchObject({ code: "CLAWDBOT_ERR_UNREACHABLE" });
  });
});

describe("a connection is ended", () => {
  test.each([
    ["binary", Buffer.from(JSON.stringify(privateEvent(1))), 1003],
    ["no JSON", '{"post_type":"message"', 4000],
    ["JSON that is no object", "[1]", 4000],
    ["a frame that is too large", JSON.stringify(privateEvent(1, "x".repeat(4_194_304))), 1009],
  ])("for %s", async (_name, frame, code) => {
    const peer = await host.peer();
    peer.send(frame);
    expect(await peer.closed).toBe(code);
    expect(host.received).toEqual([]);
  });

  test("when two pings are not answered", async () => {
    const peer = await host.peer({ autoPong: false });
    const pings: unknown[] = [];
    peer.socket.on("ping", (data) => pings.push(data));
    for (const n of [1, 2]) {
      await host.clock.advance(20_000);
      await until("a ping", () => pings.length === n);
    }
    await host.clock.advance(20_000);
    expect(await peer.closed).toBe(1006);
    await until("it to be noticed", () => host.state?.detail === "no peer is connected");
  });

  test("not while it answers", async () => {
    const peer = await host.peer();
    const pings: unknown[] = [];
    peer.socket.on("ping", (data) => pings.push(data));
    for (const n of [1, 2, 3, 4]) {
      await host.clock.advance(20_000);
      await until("a ping", () => pings.length === n);
      // Its own pong was sent before this frame: once the frame is answered, the pong was heard.
      await peer.pong();
    }
    expect(host.state?.detail).toBe(SELF);
  });

  test("when it does not read what is sent to it: that much is never held for a peer", async () => {
    const peer = await host.peer();
    peer.socket.pause();
    const unread = host.send(host.reply("x".repeat(20_000_000))).catch((error: unknown) => error);
    await expect(host.send(host.reply("pong"))).rejects.toMatchObject({ code: "CLAWDBOT_ERR_UNREACHABLE" });
    await host.clock.advance(1000);
    expect(await unread).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: true });
    peer.socket.resume();
    await peer.closed;
  });

  test("when the daemon stops", async () => {
    const peer = await host.peer();
    await host.adapter.stop();
    expect(await peer.closed).toBe(1012);
  });
});

describe("frames that are neither events nor answers somebody waits for", () => {
  test("do no harm", async () => {
    const peer = await host.peer();
    for (const frame of [
      {},
      { echo: "x" },
      { status: "ok", retcode: 0, data: null, echo: "nobody" },
      { status: "failed", retcode: 1200, echo: null },
    ])
      peer.send(frame);
    peer.send(privateEvent(1));
    await peer.pong();
    expect(ids()).toEqual(["1"]);
  });
});

describe("the store", () => {
  test("is waited for by the pong: it says that all before it is on disk", async () => {
    let keep = () => {};
    host.context.receive = (message) =>
      new Promise((resolve) => {
        keep = () => {
          host.received.push(message);
          resolve("accepted");
        };
      });
    const peer = await host.peer();
    let answered = false;
    peer.send(privateEvent(1));
    const pong = peer.pong().then(() => {
      answered = true;
    });
    // Once this has been heard, so has the ping; a call that is made then travels after what would have been the pong.
    peer.send(lifecycle({ meta_event_type: "heartbeat", status: { online: false, good: true } }));
    await until("the heartbeat to be heard", () => host.state?.detail === `${SELF} (logged out)`);
    const sending = host.send(host.reply("later"));
    const { echo } = await peer.call();
    expect(answered).toBe(false);
    keep();
    await pong;
    peer.send({ status: "ok", retcode: 0, data: null, echo });
    await sending;
  });

  test("that refuses is asked again, in order, since no peer sends a message twice", async () => {
    const { receive } = host.context;
    let refusals = 0;
    host.context.receive = () => {
      refusals++;
      return Promise.reject(new OverloadedError("full"));
    };
    const peer = await host.peer();
    peer.send(privateEvent(1));
    await until("the first refusal", () => refusals === 1);
    peer.send(privateEvent(2));
    peer.send(privateEvent(3));
    const pong = peer.pong();
    await host.clock.advance(500);
    host.context.receive = receive;
    await until("the retry to be due", () => host.clock.pendingTimers >= 2);
    await host.clock.advance(1000);
    await pong;
    expect(ids()).toEqual(["1", "2", "3"]);
    expect(host.logged.filter(({ message }) => message === "messages are held until the store takes them")).toHaveLength(1);
  });

  test("that will never take a message keeps nobody waiting", async () => {
    const { receive } = host.context;
    host.context.receive = (message) =>
      message.platformId === "1" ? Promise.reject(new ClawdbotError("CLAWDBOT_ERR_INVALID", "too many segments")) : receive(message);
    const peer = await host.peer();
    peer.send(privateEvent(1));
    peer.send(privateEvent(2));
    await peer.pong();
    expect(ids()).toEqual(["2"]);
    expect(host.logged.filter(({ message }) => message === "message dropped")).toHaveLength(1);
  });

  test("that refuses for long: what is held is bounded, what is dropped is told, and replies go out all the same", async () => {
    const { receive } = host.context;
    host.context.receive = () => Promise.reject(new OverloadedError("full"));
    const peer = await host.peer();
    for (let n = 0; n < 6; n++) peer.send(privateEvent(n, "x".repeat(1_000_000)));
    let answered = false;
    peer.socket.on("pong", () => {
      answered = true;
    });
    peer.socket.ping();
    peer.send(lifecycle({ meta_event_type: "heartbeat", status: { online: false, good: true } }));
    await until("all to be heard", () => host.state?.detail === `${SELF} (logged out)`);
    const sending = host.send(host.reply("still here"));
    const { echo } = await peer.call();
    peer.send({ status: "ok", retcode: 0, data: { message_id: 8 }, echo });
    expect(await sending).toEqual({ platformId: "8" });

    host.context.receive = receive;
    await until("the refusals to be over", () => host.clock.pendingTimers >= 2);
    await host.clock.advance(1000);
    const again = await host.peer();
    again.send(privateEvent(9));
    await again.pong();
    expect(ids()).toEqual(["0", "1", "2", "3", "9"]);
    expect(host.logged.find(({ message }) => message === "messages were dropped")?.fields).toEqual({ account: SELF, messages: 2 });
    expect(answered).toBe(false);
  });
});
