import { OverloadedError, StorageError } from "clawdbot";
import { afterEach, describe, expect, test } from "vitest";
import { type Host, messageFrame, openPeer, startHost, TOKEN } from "./host.ts";

let host: Host;
afterEach(() => host.stop());

/** Resolves by hand, as a store does. */
function gate<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe("a message", () => {
  test("is answered with accepted only once it is on disk, and the same id again with duplicate", async () => {
    host = await startHost();
    const disk = gate<"accepted">();
    host.override({ receive: () => disk.promise });
    const peer = await host.connect();
    peer.send(messageFrame("c-1"));
    expect((await peer.settled()).map((frame) => frame.type)).toEqual(["welcome"]);
    disk.resolve("accepted");
    expect((await peer.settled()).slice(1)).toEqual([{ type: "accepted", id: "c-1", result: "accepted" }]);
  });

  test("with an id that was there before is a duplicate, on any connection of the client", async () => {
    host = await startHost();
    const [one, two] = [await host.connect(), await host.connect()];
    one.send(messageFrame("c-1"));
    await one.first(2);
    two.send(messageFrame("c-1"));
    expect((await two.first(2))[1]).toEqual({ type: "accepted", id: "c-1", result: "duplicate" });
    expect(host.received).toHaveLength(1);
  });

  test("is handed over in the order of frames without waiting for the one before", async () => {
    host = await startHost();
    const disk = gate<"accepted">();
    const ids: string[] = [];
    host.override({
      receive(message) {
        ids.push(message.platformId);
        return disk.promise;
      },
    });
    const peer = await host.connect();
    const sent = Array.from({ length: 50 }, (_, n) => `c-${n}`);
    for (const id of sent) peer.send(messageFrame(id));
    await peer.settled();
    expect(ids).toEqual(sent);
    disk.resolve("accepted");
    expect((await peer.settled()).slice(1).map((frame) => frame.id)).toEqual(sent);
  });

  test("that is refused for lack of room says so, with when to come again", async () => {
    host = await startHost();
    host.override({ receive: () => Promise.reject(new OverloadedError("10000 messages are waiting", 12_000)) });
    const peer = await host.connect();
    peer.send(messageFrame("c-2"));
    expect((await peer.first(2))[1]).toEqual({
      type: "error",
      id: "c-2",
      code: "CLAWDBOT_ERR_OVERLOADED",
      message: "message refused: 10000 messages are waiting",
      retryAfterMs: 12_000,
    });
  });

  test.each([
    [new StorageError("SQLITE_FULL in /secret/path", { full: true }), "CLAWDBOT_ERR_STORAGE_FULL"],
    [new Error("SQLITE_FULL in /secret/path"), "CLAWDBOT_ERR_STORAGE"],
  ])("that was not kept because of %s is refused without saying what is inside", async (error, code) => {
    host = await startHost();
    host.override({ receive: () => Promise.reject(error) });
    const peer = await host.connect();
    peer.send(messageFrame("c-3"));
    const [, refusal] = await peer.first(2);
    expect(refusal).toMatchObject({ type: "error", id: "c-3", code, retryAfterMs: 5000 });
    expect(refusal.message).not.toContain("secret");
  });

  test("that is malformed is refused by its id, and the next one is taken", async () => {
    host = await startHost();
    const peer = await host.connect();
    peer.send(messageFrame("c-4", "hi", { sender: null }));
    peer.send(messageFrame("c-5"));
    const frames = await peer.first(3);
    expect(frames[1]).toEqual({ type: "error", id: "c-4", code: "CLAWDBOT_ERR_INVALID", message: "sender must be an object" });
    expect(frames[2]).toMatchObject({ type: "accepted", id: "c-5" });
  });

  test("believes in administrators only from a trusted token", async () => {
    const tokens = [
      { name: "a", token: "token-a" },
      { name: "b", token: "token-b", trusted: true },
    ];
    host = await startHost({ tokens });
    for (const { token } of tokens) {
      const peer = await host.connect({ token });
      peer.send(messageFrame("c-1", "hi", { sender: { id: "u1", isAdmin: true } }));
      await peer.first(2);
    }
    expect(host.received.map((message) => [message.account, message.sender.isAdmin])).toEqual([
      ["a", undefined],
      ["b", true],
    ]);
  });

  test("is not read while 8 MiB of others wait for the store", async () => {
    host = await startHost();
    const disk = gate<"accepted">();
    const reached = gate<void>();
    let taken = 0;
    host.override({
      receive() {
        if (++taken === 9) reached.resolve();
        return disk.promise;
      },
    });
    const peer = await host.connect();
    const text = "x".repeat(1_000_000);
    for (let n = 0; n < 20; n++) peer.send(messageFrame(`c-${n}`, text));
    await reached.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBe(9);
    disk.resolve("accepted");
    expect((await peer.first(21)).at(-1)).toMatchObject({ type: "accepted", id: "c-19" });
  });
});

describe("the connection is closed", () => {
  test.each<[string, number, unknown]>([
    ["a binary frame", 1003, Buffer.from('{"type":"ping"}')],
    ["a frame larger than max_frame_bytes", 1009, messageFrame("c-1", "x".repeat(2000))],
    ["a frame that is no JSON", 4000, "{"],
    ["a frame that is no object", 4000, "[]"],
  ])("after %s with %i", async (_what, code, frame) => {
    host = await startHost({ token: TOKEN, max_frame_bytes: 1024 });
    const peer = await host.connect();
    peer.send(frame);
    expect(await peer.closed).toBe(code);
    expect(host.received).toEqual([]);
    expect(peer.frames.slice(1)).toEqual(
      code === 4000 ? [{ type: "error", code: "CLAWDBOT_ERR_INVALID", message: "a frame must be one JSON object" }] : [],
    );
  });

  test("after bad UTF-8 with 1007", async () => {
    host = await startHost();
    const peer = await host.connect();
    peer.socket.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false });
    expect(await peer.closed).toBe(1007);
  });

  test("when it has missed two pings, and not while it answers them", async () => {
    host = await startHost({ token: TOKEN, ping_interval: 20_000 });
    const silent = openPeer(host.wsUrl, { token: TOKEN, autoPong: false });
    await silent.opened;
    const alive = await host.connect();
    for (let n = 0; n < 3; n++) {
      const ponged = new Promise((resolve) => alive.socket.once("ping", resolve));
      await host.clock.advance(20_000);
      if (n < 3) await ponged;
      await alive.settled();
    }
    expect(await silent.closed).toBe(1006);
    expect(alive.socket.readyState).toBe(alive.socket.OPEN);
  });

  test("with 1013 when it does not read and 8 MiB wait for it; what it missed comes again", async () => {
    host = await startHost();
    const peer = await host.connect();
    await peer.settled();
    peer.socket.pause();
    const text = "x".repeat(500_000);
    for (let n = 0; n < 40; n++) await host.deliver(host.reply(text));
    peer.socket.resume();
    expect(await peer.closed).toBe(1013);
    const last = peer.frames.at(-1).seq;
    expect(last).toBeLessThan(40);
    const again = await host.connect();
    again.send({ type: "resume", seq: last });
    await again.first(1 + 40 - last);
    expect(again.frames.at(-1).seq).toBe(40);
  });

  test("with 1012 when the daemon stops; messages that come after that are not taken", async () => {
    host = await startHost();
    const [one, two] = [await host.connect(), await host.connect()];
    one.socket.pause();
    one.send(messageFrame("c-1"));
    const stopping = host.adapter.stop();
    one.socket.resume();
    expect(await Promise.all([one.closed, two.closed])).toEqual([1012, 1012]);
    await stopping;
    expect(host.received).toEqual([]);
  });

  test("without being asked when it does not answer to the close within a second", async () => {
    host = await startHost();
    const peer = await host.connect();
    peer.socket.pause();
    const stopping = host.adapter.stop();
    await host.clock.advance(1000);
    await stopping;
    peer.socket.resume();
    await peer.closed;
  });
});

describe("start and stop", () => {
  test("bear being called twice, and stop before start", async () => {
    host = await startHost();
    await host.adapter.start();
    await host.adapter.stop();
    await host.adapter.stop();
    await host.adapter.start();
    const peer = await host.connect();
    expect((await peer.first(1))[0].type).toBe("welcome");
  });

  test("leave no timer behind when all connections are gone", async () => {
    host = await startHost();
    const peer = await host.connect();
    await host.deliver(host.reply("hi"));
    await peer.settled();
    expect(host.clock.pendingTimers).toBeGreaterThan(0);
    await host.adapter.stop();
    expect(host.clock.pendingTimers).toBe(0);
  });
});

test("ping is answered with pong", async () => {
  host = await startHost();
  const peer = await host.connect();
  peer.send({ type: "ping" });
  expect((await peer.first(2))[1]).toEqual({ type: "pong" });
});
