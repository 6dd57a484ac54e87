import type { AddressInfo } from "node:net";
import { OverloadedError, UnreachableError, VerifyError } from "clawdbot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { connectDaemon, DaemonRefusal, type DaemonSocket, type DaemonSocketOptions } from "../../src/net/daemon-socket.ts";
import { fakeClock, seededRandom } from "../../src/testing/fake-clock.ts";
import { until } from "../../src/testing/until.ts";
import { type Host, startHost, TOKEN } from "../adapters/websocket/host.ts";

const message = (id: string, text = "hi") => ({ id, conversation: { id: "room-1", type: "group" as const }, sender: { id: "u1" }, text });

let host: Host;
let replies: { seq: number; text: string }[];
let states: string[];
const open: DaemonSocket[] = [];

beforeEach(async () => {
  host = await startHost();
  replies = [];
  states = [];
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
  await host.stop();
});

async function connect(options: Partial<DaemonSocketOptions> = {}): Promise<DaemonSocket> {
  const socket = await connectDaemon({
    url: host.wsUrl,
    token: TOKEN,
    retryDelayMs: 2,
    onReply: ({ seq, text }) => replies.push({ seq, text }),
    onState: (state) => states.push(state),
    ...options,
  });
  open.push(socket);
  return socket;
}

const WELCOME = '{"type":"welcome","client":"x","seq":0,"limits":{"maxFrameBytes":1024}}';

/** A peer that is not the daemon; it never answers to pings. */
async function listen(greet: (socket: WebSocket) => void) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", autoPong: false });
  server.on("connection", greet);
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const peer of server.clients) peer.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("the first attempt", () => {
  test("resolves at the welcome and says whose token it is", async () => {
    expect((await connect()).client).toBe("default");
  });

  test("fails with UnreachableError when nobody listens, or somebody who does not speak the protocol", async () => {
    await expect(connect({ url: "ws://127.0.0.1:9/" })).rejects.toThrow(UnreachableError);
    const stranger = await listen((socket) => socket.send("hello"));
    await expect(connect({ url: stranger.url })).rejects.toThrow(UnreachableError);
    await stranger.close();
    await host.adapter.stop();
    await expect(connect()).rejects.toThrow("the daemon answered 503");
  });

  test("fails with VerifyError when the token is wrong", async () => {
    await expect(connect({ token: "token-of-others" })).rejects.toThrow(VerifyError);
  });
});

describe("send", () => {
  test("resolves with what the daemon says", async () => {
    const socket = await connect();
    expect(await Promise.all([socket.send(message("c-1")), socket.send(message("c-1"))])).toEqual(["accepted", "duplicate"]);
  });

  test("rejects with the daemon's reason, and when to come again", async () => {
    const socket = await connect();
    host.override({ receive: () => Promise.reject(new OverloadedError("full", 700)) });
    const refusal = await socket.send(message("c-1")).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DaemonRefusal);
    expect(refusal).toMatchObject({ code: "CLAWDBOT_ERR_OVERLOADED", retryable: true, retryAfterMs: 700 });
    await expect(socket.send(message("c-2", ""))).rejects.toMatchObject({ code: "CLAWDBOT_ERR_INVALID", retryable: false });
  });

  test("refuses what the daemon would close the connection for", async () => {
    const socket = await connect();
    await expect(socket.send(message("c-1", "x".repeat(1_048_576)))).rejects.toMatchObject({ code: "CLAWDBOT_ERR_INVALID" });
    expect(await socket.send(message("c-2"))).toBe("accepted");
    expect(states).toEqual(["up"]);
  });

  test("sends again in the old order what a lost connection left unanswered", async () => {
    const socket = await connect();
    const { receive } = host.context;
    const offered: string[] = [];
    host.override({
      receive(from) {
        offered.push(from.platformId);
        return new Promise(() => {});
      },
    });
    const answers = ["c-1", "c-2", "c-3"].map((id) => socket.send(message(id)));
    await until("all messages to be offered", () => offered.length === 3);
    host.override({ receive });
    socket.reset();
    expect(await Promise.all(answers)).toEqual(["accepted", "accepted", "accepted"]);
    expect(host.received.map((from) => from.platformId)).toEqual(offered);
    expect(states).toEqual(["up", "down", "up"]);
  });

  test("rejects when the socket is closed by hand", async () => {
    const socket = await connect();
    host.override({ receive: () => new Promise(() => {}) });
    const answer = socket.send(message("c-1"));
    const rejected = expect(answer).rejects.toMatchObject({ code: "CLAWDBOT_ERR_STOPPING" });
    await socket.close();
    await rejected;
    await expect(socket.send(message("c-2"))).rejects.toMatchObject({ code: "CLAWDBOT_ERR_STOPPING" });
    expect(states).toEqual(["up"]);
  });
});

describe("replies", () => {
  test("come once and in order, also those of the time without a connection", async () => {
    const socket = await connect();
    for (let n = 1; n <= 3; n++) await host.deliver(host.reply(`t${n}`));
    await until("the replies", () => replies.length === 3);
    socket.reset();
    for (let n = 4; n <= 6; n++) await host.deliver(host.reply(`t${n}`));
    await until("the replies", () => replies.length === 6);
    expect(replies.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("are acknowledged once they were handed over, so that the next socket does not get them", async () => {
    const socket = await connect();
    await host.deliver(host.reply("one"));
    await until("the replies", () => replies.length === 1);
    await socket.close();
    await host.deliver(host.reply("two"));
    await connect();
    await until("the replies", () => replies.length === 2);
    expect(replies.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test("that are acknowledged by hand come to the next socket until then", async () => {
    const socket = await connect({ manualAcks: true });
    await host.deliver(host.reply("one"));
    await host.deliver(host.reply("two"));
    await until("the replies", () => replies.length === 2);
    socket.ack(1);
    expect(await socket.send(message("c-1"))).toBe("accepted");
    await socket.close();
    await connect();
    await until("the replies", () => replies.length === 3);
    expect(replies.at(-1)).toEqual({ seq: 2, text: "two" });
  });

  test("after a given number are asked for with resumeAfter", async () => {
    for (let n = 1; n <= 3; n++) await host.deliver(host.reply(`t${n}`));
    await connect({ resumeAfter: 2 });
    await until("the replies", () => replies.length === 1);
    expect(replies).toEqual([{ seq: 3, text: "t3" }]);
  });

  test("are not taken for repetitions when the daemon's store was put back to an older copy", async () => {
    await connect();
    for (let n = 1; n <= 3; n++) await host.deliver(host.reply(`t${n}`));
    await until("the replies", () => replies.length === 3);
    host.store.length = 1;
    host.kept.clear();
    await host.crash();
    await until("the connection to change", () => states.length === 3);
    await host.deliver(host.reply("new"));
    await until("the replies", () => replies.length === 4);
    expect(replies.at(-1)).toEqual({ seq: 2, text: "new" });
  });

  test("that are still being made are shown as they grow", async () => {
    const deltas: string[] = [];
    const socket = await connect({ onDelta: ({ text }) => deltas.push(text) });
    await socket.send(message("c-1"));
    host.adapter.preview!({ ...host.received[0]!, id: "m1", channel: "websocket", receivedAt: 0 }, "so f");
    await until("a delta", () => deltas.length === 1);
    expect(deltas).toEqual(["so f"]);
  });
});

describe("the connection", () => {
  test("is given up for good when the daemon does not know the token any more", async () => {
    const socket = await connect();
    host.override({ receive: () => new Promise(() => {}) });
    const answer = socket.send(message("c-1"));
    const rejected = expect(answer).rejects.toThrow(VerifyError);
    await host.crash({ token: "another-token" });
    await rejected;
    expect(states).toEqual(["up", "down", "refused"]);
  });

  test("is dropped and made anew when the daemon is silent for two pings", async () => {
    const clock = fakeClock();
    const peers: WebSocket[] = [];
    const mute = await listen((socket) => {
      peers.push(socket);
      socket.send(WELCOME);
    });
    await connect({ url: mute.url, clock, random: seededRandom(1) });
    await clock.advance(60_000);
    expect(states).toEqual(["up"]);
    await clock.advance(30_000);
    await until("the connection to change", () => states.includes("down"));
    await clock.advance(10_000);
    await until("a second connection", () => peers.length === 2);
    for (const socket of open.splice(0)) await socket.close();
    await mute.close();
  });

  test("ends within a second when the daemon does not answer to the close", async () => {
    const clock = fakeClock();
    const frozen = await listen((socket) => {
      socket.send(WELCOME);
      socket.pause();
    });
    await connect({ url: frozen.url, clock });
    const closing = open.pop()!.close();
    await clock.advance(1000);
    await closing;
    await frozen.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
