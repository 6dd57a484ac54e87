import { afterEach, describe, expect, test } from "vitest";
import { type Host, messageFrame, type Peer, startHost } from "./host.ts";

let host: Host;
afterEach(() => host.stop());

const seqs = (peer: Peer) => peer.frames.filter((frame) => frame.type === "reply").map((frame) => frame.seq);
const deliver = async (n: number) => {
  for (let i = 0; i < n; i++) await host.deliver(host.reply(`text ${i}`));
};

describe("a reply", () => {
  test("is shown once it is on disk, not before, on every connection of its client and on no other", async () => {
    host = await startHost({
      tokens: [
        { name: "a", token: "token-a" },
        { name: "b", token: "token-b" },
      ],
    });
    const [one, two, other] = [
      await host.connect({ token: "token-a" }),
      await host.connect({ token: "token-a" }),
      await host.connect({ token: "token-b" }),
    ];
    for (const peer of [one, two, other]) await peer.settled();
    const reply = host.reply("hi", { account: "a", replyTo: "c-1" });
    const result = await host.send(reply);
    expect(result).toEqual({ sequence: 1, platformId: "1" });
    await one.settled();
    expect(seqs(one)).toEqual([]);
    host.commit(reply, result);
    const shown = {
      type: "reply",
      seq: 1,
      replyTo: "c-1",
      conversation: { id: "room-1", type: "group" },
      text: "hi",
      segments: [{ type: "text", text: "hi" }],
    };
    expect((await one.settled()).at(-1)).toEqual(shown);
    expect((await two.settled()).at(-1)).toEqual(shown);
    await other.settled();
    expect(seqs(other)).toEqual([]);
  });

  test("to a client without a connection is kept for it", async () => {
    host = await startHost();
    await deliver(1);
    const peer = await host.connect();
    await peer.settled();
    expect(seqs(peer)).toEqual([1]);
  });

  test("to a client that no token names is final: nobody could ever fetch it", async () => {
    host = await startHost();
    await expect(host.send(host.reply("hi", { account: "gone" }))).rejects.toMatchObject({ code: "CLAWDBOT_ERR_DELIVERY_REJECTED" });
  });
});

describe("numbers", () => {
  test("go out in order although the commits of two conversations end in the other order", async () => {
    host = await startHost();
    const peer = await host.connect();
    await peer.settled();
    const [first, second, third] = [host.reply("1"), host.reply("2"), host.reply("3")];
    const results = [await host.send(first), await host.send(second), await host.send(third)] as const;
    host.commit(third, results[2]);
    host.commit(second, results[1]);
    await peer.settled();
    expect(seqs(peer)).toEqual([]);
    host.commit(first, results[0]);
    await peer.settled();
    expect(seqs(peer)).toEqual([1, 2, 3]);
  });

  test("are used again when a commit failed and the core sends anew, so that nothing waits for ever", async () => {
    host = await startHost();
    const peer = await host.connect();
    await peer.settled();
    const [failing, next] = [host.reply("1"), host.reply("2")];
    await host.send(failing);
    await host.deliver(next);
    await peer.settled();
    expect(seqs(peer)).toEqual([]);
    const again = await host.send(failing);
    expect(again.sequence).toBe(1);
    host.commit(failing, again);
    await peer.settled();
    expect(seqs(peer)).toEqual([1, 2]);
  });

  test("that were not on disk at a crash are given anew, and those that were stay", async () => {
    host = await startHost();
    const [kept, lost] = [host.reply("kept"), host.reply("lost")];
    host.store.push({ reply: kept, result: await host.send(kept) });
    await host.send(lost);
    await host.crash();
    const peer = await host.connect();
    await peer.settled();
    await host.deliver(lost);
    await peer.settled();
    expect(peer.frames.filter((frame) => frame.type === "reply").map((frame) => [frame.seq, frame.text])).toEqual([
      [1, "kept"],
      [2, "lost"],
    ]);
  });

  test("go on after a crash although retention has taken every reply", async () => {
    host = await startHost();
    await deliver(5);
    await host.clock.advance(2000);
    host.store.length = 0;
    await host.crash();
    const peer = await host.connect();
    expect((await peer.first(1))[0].seq).toBe(5);
    expect((await host.send(host.reply("hi"))).sequence).toBe(6);
  });

  test("are each client's own", async () => {
    host = await startHost({
      tokens: [
        { name: "a", token: "token-a" },
        { name: "b", token: "token-b" },
      ],
    });
    await host.deliver(host.reply("1", { account: "a" }));
    expect((await host.send(host.reply("1", { account: "b" }))).sequence).toBe(1);
  });
});

describe("resume", () => {
  test("brings everything with a larger number, acknowledged or not, in order, then what is new", async () => {
    host = await startHost();
    await deliver(250);
    const peer = await host.connect();
    expect((await peer.first(1))[0].seq).toBe(250);
    peer.send({ type: "ack", seq: 0 });
    peer.socket.close();
    const again = await host.connect();
    again.send({ type: "resume", seq: 3 });
    await again.first(1 + 247);
    again.send({ type: "ack", seq: 250 });
    await deliver(1);
    await again.settled();
    expect(seqs(again)).toEqual(Array.from({ length: 248 }, (_, n) => n + 4));
    const third = await host.connect();
    third.send({ type: "resume", seq: 249 });
    await third.settled();
    expect(seqs(third)).toEqual([250, 251]);
  });

  test("neither repeats nor leaves out what is delivered while it reads", async () => {
    host = await startHost();
    await deliver(150);
    const { sent } = host.context;
    let pages = 0;
    host.override({
      async sent(account, after, limit) {
        const page = await sent(account, after, limit);
        // The world goes on while the store reads.
        if (after >= 0 && ++pages <= 3) await deliver(2);
        return page;
      },
    });
    const peer = await host.connect();
    peer.send({ type: "resume", seq: 0 });
    await peer.first(1 + 156);
    await deliver(1);
    await peer.settled();
    expect(seqs(peer)).toEqual(Array.from({ length: 157 }, (_, n) => n + 1));
  });

  test("does not overtake a smaller number that is still on its way to the disk", async () => {
    host = await startHost();
    await deliver(1);
    const [second, third] = [host.reply("2"), host.reply("3")];
    const result = await host.send(second);
    await host.deliver(third);
    const { sent } = host.context;
    host.override({
      async sent(account, after, limit) {
        const page = await sent(account, after, limit);
        host.commit(second, result);
        host.override({ sent });
        return page;
      },
    });
    const peer = await host.connect();
    peer.send({ type: "resume", seq: 0 });
    await peer.first(1 + 3);
    await peer.settled();
    expect(seqs(peer)).toEqual([1, 2, 3]);
  });

  test("from beyond the last number brings only what is new", async () => {
    host = await startHost();
    await deliver(2);
    const peer = await host.connect();
    peer.send({ type: "resume", seq: 99 });
    await peer.settled();
    await deliver(1);
    await peer.settled();
    expect(seqs(peer)).toEqual([3]);
  });

  test("must be the first frame", async () => {
    host = await startHost();
    const peer = await host.connect();
    await peer.settled();
    peer.send({ type: "resume", seq: 0 });
    expect((await peer.settled()).at(-1)).toMatchObject({
      type: "error",
      code: "CLAWDBOT_ERR_INVALID",
      message: "resume must be the first frame",
    });
  });

  test("closes with 1013 when the store cannot be read", async () => {
    host = await startHost();
    await deliver(1);
    host.override({ sent: () => Promise.reject(new Error("disk")) });
    const peer = await host.connect();
    peer.send({ type: "resume", seq: 0 });
    expect(await peer.closed).toBe(1013);
  });

  test("of a long history waits for a slow reader instead of closing it", async () => {
    host = await startHost();
    const text = "x".repeat(1_000_000);
    for (let n = 0; n < 30; n++) await host.deliver(host.reply(text));
    const peer = await host.connect();
    peer.send({ type: "resume", seq: 0 });
    peer.socket.pause();
    const other = await host.connect();
    await other.settled();
    peer.socket.resume();
    await peer.first(1 + 30);
    expect(seqs(peer)).toHaveLength(30);
  });
});

describe("without resume", () => {
  test("what is not acknowledged comes again with the first frame", async () => {
    host = await startHost();
    const peer = await host.connect();
    await peer.settled();
    await deliver(3);
    await peer.settled();
    peer.send({ type: "ack", seq: 2 });
    await peer.settled();
    const again = await host.connect();
    again.send(messageFrame("c-1"));
    await again.first(3);
    expect(seqs(again)).toEqual([3]);
  });

  test("what is not acknowledged comes again after a second of silence", async () => {
    host = await startHost();
    await deliver(2);
    const peer = await host.connect();
    await host.clock.advance(999);
    expect(peer.frames).toHaveLength(1);
    await host.clock.advance(1);
    await peer.first(3);
    expect(seqs(peer)).toEqual([1, 2]);
  });

  test("a client that is new gets nothing", async () => {
    host = await startHost();
    const peer = await host.connect();
    expect((await peer.settled())[0].seq).toBe(0);
    expect(peer.frames.map((frame) => frame.type)).toEqual(["welcome", "pong", "pong"]);
  });
});

describe("ack", () => {
  test("counts for the whole client, is kept, and never goes back", async () => {
    host = await startHost();
    const [one, two] = [await host.connect(), await host.connect()];
    await deliver(3);
    one.send({ type: "ack", seq: 3 });
    await one.settled();
    two.send({ type: "ack", seq: 1 });
    await two.settled();
    expect(host.kept.size).toBe(0);
    await host.clock.advance(2000);
    expect([...host.kept.values()]).toEqual([{ seq: 3, acked: 3 }]);
    await host.crash();
    const again = await host.connect();
    await again.settled();
    expect(seqs(again)).toEqual([]);
  });

  test("is written down at stop", async () => {
    host = await startHost();
    const peer = await host.connect();
    await deliver(1);
    peer.send({ type: "ack", seq: 1 });
    await peer.settled();
    await host.adapter.stop();
    expect([...host.kept.values()]).toEqual([{ seq: 1, acked: 1 }]);
  });

  test("that a crash loses only repeats replies", async () => {
    host = await startHost();
    const peer = await host.connect();
    await deliver(1);
    peer.send({ type: "ack", seq: 1 });
    await peer.settled();
    await host.crash();
    const again = await host.connect();
    await again.settled();
    expect(seqs(again)).toEqual([1]);
  });

  test("for what was never sent is refused: it would swallow replies to come", async () => {
    host = await startHost();
    const peer = await host.connect();
    await deliver(1);
    peer.send({ type: "ack", seq: 2 });
    expect((await peer.settled())[1]).toMatchObject({ type: "error", code: "CLAWDBOT_ERR_INVALID" });
    await deliver(1);
    const again = await host.connect();
    await again.settled();
    expect(seqs(again)).toEqual([1, 2]);
  });
});

describe("preview", () => {
  test("shows the text so far, also of a message that came over another connection", async () => {
    host = await startHost();
    const [one, two] = [await host.connect(), await host.connect()];
    one.send(messageFrame("c-1"));
    await one.first(2);
    await two.settled();
    host.adapter.preview!({ ...host.received[0]!, id: "m1", channel: "websocket", receivedAt: 0 }, "so f");
    const delta = { type: "delta", replyTo: "c-1", conversation: { id: "room-1", type: "group" }, text: "so f" };
    expect((await one.settled()).at(-1)).toEqual(delta);
    expect((await two.settled()).at(-1)).toEqual(delta);
  });

  test("is left out for a connection that has not read what it got", async () => {
    host = await startHost();
    const peer = await host.connect();
    peer.send(messageFrame("c-1"));
    await peer.first(2);
    peer.socket.pause();
    for (let n = 0; n < 3; n++) await host.deliver(host.reply("x".repeat(1_000_000)));
    host.adapter.preview!({ ...host.received[0]!, id: "m1", channel: "websocket", receivedAt: 0 }, "so f");
    peer.socket.resume();
    expect((await peer.settled()).filter((frame) => frame.type === "delta")).toEqual([]);
  });
});
