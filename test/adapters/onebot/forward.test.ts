import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { until } from "../../../src/testing/until.ts";
import { type Host, lifecycle, privateEvent, startHost } from "./host.ts";

interface Dialled {
  socket: WebSocket;
  authorization: string | undefined;
  closed: Promise<number>;
}

let server: WebSocketServer;
let host: Host | undefined;
let dialled: Dialled[];
let port: number;

async function listen(on = 0): Promise<void> {
  server = new WebSocketServer({ host: "127.0.0.1", port: on });
  server.on("connection", (socket, { headers }) => {
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    dialled.push({ socket, authorization: headers.authorization, closed });
  });
  await new Promise((resolve) => server.once("listening", resolve));
  ({ port } = server.address() as AddressInfo);
}

async function close(): Promise<void> {
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
}

beforeEach(async () => {
  dialled = [];
  await listen();
});
afterEach(async () => {
  await host?.stop();
  host = undefined;
  await close();
});

const start = async () => {
  host = await startHost({ connect: [{ url: `ws://127.0.0.1:${port}`, token: "token-of-the-peer" }] });
  return host;
};

const connection = (n = 1) => until(`connection ${n}`, () => dialled[n - 1]);

describe("a peer that is dialled", () => {
  test("gets its token, and its first event tells which account it is", async () => {
    const host = await start();
    const { socket, authorization } = await connection();
    expect(authorization).toBe("Bearer token-of-the-peer");
    expect(host.state).toEqual({ receiving: true, detail: "no peer is connected" });
    socket.send(JSON.stringify(lifecycle()));
    socket.send(JSON.stringify(privateEvent(1)));
    await until("the message", () => host.received.length === 1);
    expect(host.state).toEqual({ receiving: true, detail: "10001" });
    const sending = host.send(host.reply("pong"));
    const { echo } = await new Promise<{ echo: string }>((resolve) => socket.once("message", (data) => resolve(JSON.parse(String(data)))));
    socket.send(JSON.stringify({ status: "ok", retcode: 0, data: { message_id: 8 }, echo }));
    expect(await sending).toEqual({ platformId: "8" });
  });

  test("that says hello within its answer to the upgrade is heard", async () => {
    server.on("connection", (socket) => socket.send(JSON.stringify(lifecycle())));
    const host = await start();
    await until("the account", () => host.state?.detail === "10001");
  });

  test("is dialled again when it went away, by one owner, and what is told is true all the time", async () => {
    const host = await start();
    (await connection()).socket.send(JSON.stringify(lifecycle()));
    await until("the account", () => host.state?.detail === "10001");
    await close();
    await until("the loss", () => host.state?.receiving === false);
    expect(host.state?.detail).toContain(`127.0.0.1:${port}: `);
    await expect(host.send(host.reply("pong"))).rejects.toMatchObject({ name: "UnreachableError" });
    await host.clock.advance(1000);
    await until("a vain attempt", () => host.state?.detail.includes("ECONNREFUSED"));
    await listen(port);
    await host.clock.advance(2000);
    await connection(2);
    await until("the connection", () => host.state?.receiving === true);
    await host.clock.advance(60_000);
    expect(dialled).toHaveLength(2);
  });

  test("that is away at the start is dialled until it is there", async () => {
    await close();
    const host = await start();
    expect(host.state).toMatchObject({ receiving: false, detail: expect.stringContaining("ECONNREFUSED") });
    await listen(port);
    await host.clock.advance(1000);
    await connection();
    await until("the connection", () => host.state?.receiving === true);
  });

  test("that refuses the token in a frame, as NapCat does, is reported so", async () => {
    const host = await start();
    const { socket } = await connection();
    socket.send(JSON.stringify({ status: "failed", retcode: 1403, data: null, message: "token验证失败", echo: null }));
    socket.close();
    await until("the refusal", () => host.state?.detail.includes("the peer refused the token"));
    expect(host.state?.receiving).toBe(false);
  });

  test("that refuses the upgrade is reported so, without the token", async () => {
    await close();
    server = new WebSocketServer({ host: "127.0.0.1", port, verifyClient: (_info, done) => done(false, 401) });
    const host = await start();
    expect(host.state).toMatchObject({ receiving: false, detail: expect.stringContaining("the peer refused the token") });
    expect(JSON.stringify([host.state, host.logged])).not.toContain("token-of-the-peer");
  });

  test("is left alone after the stop, also in the midst of an attempt", async () => {
    const host = await start();
    const { closed } = await connection();
    await host.adapter.stop();
    expect(await closed).toBe(1012);
    await host.clock.advance(600_000);
    expect(dialled).toHaveLength(1);
    expect(host.clock.pendingTimers).toBe(0);
    await host.adapter.start();
    await connection(2);
  });
});
