import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { RouteHandler } from "../../src/adapter.ts";
import { gate, openWire, post, type TestServer, testServer } from "./harness.ts";

let running: TestServer | undefined;
afterEach(() => running?.server.stop());

async function start(options: Parameters<typeof testServer>[0] = {}): Promise<TestServer> {
  running = await testServer(options);
  return running;
}

const ok: RouteHandler = () => ({ status: 200, body: "success" });

describe("starting", () => {
  test("on a port in use says so, with host and port", async () => {
    const { server } = await start();
    const port = Number(new URL(server.url).port);
    await expect(testServer({ port })).rejects.toMatchObject({
      code: "CLAWDBOT_ERR_CONFIG",
      message: `cannot listen on 127.0.0.1:${port}: another program listens there (or this daemon already runs)`,
    });
  });

  test("on an address of another machine says so", async () => {
    await expect(testServer({ host: "192.0.2.1" })).rejects.toThrow("cannot listen on 192.0.2.1:0: this machine has no such address");
  });

  test("twice is once, and again after stop", async () => {
    const { server } = await start();
    const { url } = server;
    await server.start();
    expect(server.url).toBe(url);
    await server.stop();
    await server.stop();
    expect(server.url).toBe("");
    await server.start();
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
  });

  test("on IPv6 gives a URL that works, where there is IPv6", async ({ skip }) => {
    const probe = createServer();
    const has = await new Promise((resolve) => probe.once("error", () => resolve(false)).listen(0, "::1", () => resolve(true)));
    probe.close();
    if (!has) skip("no IPv6 here");
    const { server } = await start({ host: "::1" });
    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
  });
});

describe("connections", () => {
  test("beyond an address's share are closed unanswered; a closed one makes room", async () => {
    const { server, connect } = await start({ maxConnectionsPerAddress: 3 });
    server.route("POST", "/hook", ok);
    const wires = await Promise.all([connect(), connect(), connect()]);
    for (const wire of wires) {
      wire.write(post("/hook"));
      await wire.until("success");
    }
    expect(await (await connect()).closed).toBe("");
    wires[0]!.socket.destroy();
    await wires[0]!.closed;
    let text = "";
    while (!text.includes("success")) {
      const wire = await connect();
      wire.write(post("/hook"));
      text = await Promise.race([wire.until("success"), wire.closed]);
      wire.socket.destroy();
    }
    expect(text).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe("a peer that dribbles", () => {
  test("is cut off, in its headers and in its body, while others are served", async () => {
    const { server, connect } = await start({ slowest: { headersMs: 150, requestMs: 300, checkMs: 30 } });
    server.route("POST", "/hook", ok);
    const silent = await connect();
    const inHeaders = await connect();
    inHeaders.write("POST /hook HTTP/1.1\r\nHost:");
    const inBody = await connect();
    inBody.write("POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    expect((await fetch(`${server.url}/hook`, { method: "POST" })).status).toBe(200);
    for (const wire of [silent, inHeaders, inBody]) expect(await wire.closed).toMatch(/^(HTTP\/1.1 408 Request Timeout\r\n.*)?$/s);
  });
});

describe("stopping", () => {
  test("ends what is idle at once, also connections that never sent anything, and listens no more", async () => {
    const { server, connect } = await start();
    server.route("POST", "/hook", ok);
    const silent = await connect();
    const half = await connect();
    half.write("POST /hook HTTP/1.1\r\nHost:");
    const idle = await connect();
    idle.write(post("/hook"));
    await idle.until("success");
    const port = Number(new URL(server.url).port);
    await server.stop();
    expect(await silent.closed).toBe("");
    expect(await half.closed).toBe("");
    expect(await idle.closed).toMatch(/success$/);
    await expect(openWire(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("lets a request under way be answered and then closes its connection", async () => {
    const { server, connect } = await start();
    const entered = gate();
    const leave = gate();
    server.route("POST", "/slow", async () => {
      entered.open();
      await leave.promise;
      return { status: 200, body: "done" };
    });
    const wire = await connect();
    wire.write(post("/slow"));
    await entered.promise;
    wire.write(post("/slow"));
    const stopped = server.stop();
    leave.open();
    await stopped;
    const received = await wire.closed;
    expect(received).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(received).toMatch(/\r\nConnection: close\r\n/i);
    expect(received.match(/done/g)).toHaveLength(1);
  });

  test("lets an answer that has begun end, refuses what comes after it on its connection, and closes that", async () => {
    const { server, connect } = await start();
    const responses: import("express").Response[] = [];
    server.mount("/stream", (_request, response) => {
      responses.push(response);
      response.writeHead(200, { "Content-Length": 5 }).write("be");
    });
    server.route("POST", "/hook", ok);
    const wires = await Promise.all([connect(), connect()]);
    for (const wire of wires) {
      wire.write("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
      await wire.until("be");
    }
    const stopped = server.stop();
    const asked = gate();
    responses[0]!.req.socket.once("data", () => asked.open());
    wires[0]!.write(post("/hook"));
    await asked.promise;
    for (const response of responses) response.end("gun");
    await stopped;
    const [refused, alone] = await Promise.all(wires.map((wire) => wire.closed));
    expect(refused).toMatch(/begunHTTP\/1\.1 503 .*\r\nConnection: close\r\n.*"unavailable"/s);
    expect(alone).toMatch(/begun$/);
  });

  test("leaves upgraded connections to their handlers, up to a limit", async () => {
    const { server, connect, clock } = await start();
    const sockets: import("node:stream").Duplex[] = [];
    server.upgrade("/ws", (_request, socket) => {
      sockets.push(socket);
      socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    });
    const wires = await Promise.all([connect(), connect()]);
    for (const wire of wires) {
      wire.write("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      await wire.until("101");
    }
    let done = false;
    const stopped = server.stop().then(() => {
      done = true;
    });
    sockets[0]!.end("bye");
    await wires[0]!.closed;
    await clock.advance(9999);
    expect([done, sockets[1]!.destroyed]).toEqual([false, false]);
    await clock.advance(1);
    await stopped;
    expect(await wires[1]!.closed).toMatch(/101/);
  });

  test("does not wait for a handler that never answers beyond the limit", async () => {
    const { server, connect, clock } = await start();
    const entered = gate();
    server.route("POST", "/never", () => {
      entered.open();
      return new Promise(() => {});
    });
    const wire = await connect();
    wire.write(post("/never"));
    await entered.promise;
    const stopped = server.stop();
    await clock.advance(10_000);
    await stopped;
    expect(await wire.closed).toBe("");
  });
});
