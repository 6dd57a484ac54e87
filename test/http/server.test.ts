import express from "express";
import { afterEach, describe, expect, test } from "vitest";
import type { RouteHandler } from "../../src/adapter.ts";
import { ClawdbotError, OverloadedError, StorageError, VerifyError } from "../../src/errors.ts";
import { gate, post, type TestServer, testServer } from "./harness.ts";

let running: TestServer | undefined;
afterEach(() => running?.server.stop());

async function start(options: Parameters<typeof testServer>[0] = {}): Promise<TestServer> {
  running = await testServer(options);
  return running;
}

const ok: RouteHandler = () => ({ status: 200, body: "success" });
const refuse: RouteHandler = () => {
  throw new VerifyError("wrong_signature");
};

describe("a route", () => {
  test("gets path, query, headers, body and peer as they came", async () => {
    const { server } = await start();
    server.route("POST", "/hook", ({ method, path, query, headers, body, remoteAddress }) => ({
      status: 201,
      body: JSON.stringify({ method, path, query, type: headers["content-type"], body: body.toString(), remoteAddress }),
      contentType: "application/json",
      headers: { "X-Own": "yes" },
    }));
    const response = await fetch(`${server.url}/hook?a=1&a=%202`, {
      method: "POST",
      body: "päylöad",
      headers: { "content-type": "text/x" },
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-own")).toBe("yes");
    expect(await response.json()).toEqual({
      method: "POST",
      path: "/hook",
      query: "a=1&a=%202",
      type: "text/x",
      body: "päylöad",
      remoteAddress: "127.0.0.1",
    });
  });

  test("gets a body that arrives in pieces as a whole, up to the limit to the byte", async () => {
    const { server, connect } = await start({ maxBody: 12 });
    server.route("POST", "/hook", ({ body }) => ({ status: 200, body: `<${body}>` }));
    const wire = await connect();
    wire.write("POST /hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
    wire.write("8\r\nefghijkl\r\n0\r\n\r\n");
    expect(await wire.until("abcd")).toMatch(/<abcdefghijkl>$/);
    wire.write(post("/hook", "1234567890123"));
    expect(await wire.closed).toMatch(/HTTP\/1.1 413 .*\r\nConnection: close\r\n.*{"error":"too large"}$/s);
  });

  test("answers HEAD like GET without the body, other methods with 405 and what is allowed", async () => {
    const { server } = await start();
    server.route("GET", "/hook", ok);
    server.route("POST", "/hook", ok);
    const head = await fetch(`${server.url}/hook`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "7", ""]);
    const put = await fetch(`${server.url}/hook`, { method: "PUT" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  });

  test("is found by its exact path only; all else is 404", async () => {
    const { server, connect } = await start();
    server.route("POST", "/hook", ok);
    for (const path of ["/hook/", "/HOOK", "//hook", "/%68ook", "/", "/hook%00", "/%E0%A4%A", "/constructor"]) {
      const response = await fetch(server.url + path, { method: "POST" });
      expect([path, response.status]).toEqual([path, 404]);
      expect(response.headers.get("content-type")).toMatch("application/json");
    }
    const wire = await connect();
    wire.write(`POST http://x/hook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    expect(await wire.closed).toMatch(/ 404 /);
  });

  test("may answer without a body, as 204 must", async () => {
    const { server } = await start();
    server.route("GET", "/none", () => ({ status: 204 }));
    const response = await fetch(`${server.url}/none`);
    expect([response.status, response.headers.has("content-length"), response.headers.has("content-type")]).toEqual([204, false, false]);
  });

  test("serves many requests on one connection", async () => {
    const { server, connect } = await start();
    server.route("POST", "/hook", ({ body }) => ({ status: 200, body: `<${body}>` }));
    const wire = await connect();
    for (let n = 0; n < 20; n++) {
      wire.write(post("/hook", `${n}`));
      await wire.until(`<${n}>`);
    }
    wire.write(post("/hook", "a") + post("/hook", "b") + post("/hook", "c"));
    expect(await wire.until("<c>")).toMatch(/<a>.*<b>.*<c>/s);
  });
});

describe("several handlers on one path", () => {
  test("are asked in order until one knows the sender", async () => {
    const { server } = await start();
    const asked: number[] = [];
    for (const n of [1, 2, 3, 4]) {
      server.route("POST", "/hook", async (request) => {
        asked.push(n);
        return n < 3 ? refuse(request) : { status: 200, body: String(n) };
      });
    }
    const response = await fetch(`${server.url}/hook`, { method: "POST" });
    expect(await response.text()).toBe("3");
    expect(asked).toEqual([1, 2, 3]);
  });

  test("are not asked further when one knew the sender but could not do its work", async () => {
    const { server } = await start();
    server.route("POST", "/hook", () => Promise.reject(new StorageError("disk I/O error")));
    server.route("POST", "/hook", ok);
    expect((await fetch(`${server.url}/hook`, { method: "POST" })).status).toBe(503);
  });

  test("that all refuse give one same 403 whatever the reason, counted and logged by reason", async () => {
    const { server, log, counted } = await start();
    for (const reason of ["no_signature", "wrong_signature"]) {
      server.route("POST", `/${reason}`, () => {
        throw new VerifyError(reason);
      });
    }
    const answers = await Promise.all(
      ["no_signature", "wrong_signature"].map(async (reason) => {
        const response = await fetch(`${server.url}/${reason}`, { method: "POST", body: "secret text" });
        return { status: response.status, body: await response.text(), type: response.headers.get("content-type") };
      }),
    );
    expect(answers[0]).toEqual({ status: 403, body: '{"error":"forbidden"}', type: "application/json" });
    expect(answers[1]).toEqual(answers[0]);
    expect(counted.sort()).toEqual(["verify deny no_signature", "verify deny wrong_signature"]);
    expect(log.map(({ level, message, fields }) => [level, message, fields.peer, fields.code]).sort()).toEqual([
      ["warn", "request refused", "127.0.0.1", "no_signature"],
      ["warn", "request refused", "127.0.0.1", "wrong_signature"],
    ]);
  });

  test("do not let a flood of bad requests fill the log, and still serve a good one from the same peer", async () => {
    const { server, log, counted, clock } = await start();
    server.route("POST", "/hook", ({ body }) => (body.toString() === "good" ? { status: 200 } : refuse({} as never)));
    const bad = async () => {
      const response = await fetch(`${server.url}/hook`, { method: "POST", body: "bad" });
      return `${response.status} ${response.headers.get("connection")}`;
    };
    const answers = [];
    for (let n = 0; n < 30; n++) answers.push(await bad());
    expect(log).toHaveLength(5);
    expect(log[4]?.fields).toMatchObject({ count: 5, muted: true });
    expect(counted).toHaveLength(30);
    expect(answers.slice(0, 20)).toEqual(new Array(20).fill("403 keep-alive"));
    expect(answers.slice(20)).toEqual(new Array(10).fill("403 close"));
    expect((await fetch(`${server.url}/hook`, { method: "POST", body: "good" })).status).toBe(200);
    await clock.advance(60_000);
    expect(await bad()).toBe("403 keep-alive");
    expect(log).toHaveLength(6);
  });
});

describe("what a handler throws", () => {
  test.each([
    ["no room", () => new OverloadedError("10000 messages are waiting", 2500), 503, "3", "CLAWDBOT_ERR_OVERLOADED", "warn"],
    ["no disk", () => new StorageError("full", { full: true }), 503, "5", "CLAWDBOT_ERR_STORAGE_FULL", "error"],
    ["its own error", () => new ClawdbotError("CLAWDBOT_ERR_INVALID", "secret detail"), 500, null, "CLAWDBOT_ERR_INVALID", "error"],
    ["anything", () => new TypeError("secret detail"), 500, null, "unknown", "error"],
    ["no error at all", () => "secret detail", 500, null, "unknown", "error"],
  ])("becomes a status without details: %s", async (_, thrown, status, retryAfter, code, level) => {
    const { server, log, counted } = await start();
    server.route("POST", "/hook", () => {
      throw thrown();
    });
    const response = await fetch(`${server.url}/hook`, { method: "POST" });
    expect([response.status, response.headers.get("retry-after")]).toEqual([status, retryAfter]);
    expect(await response.text()).toBe(`{"error":"${status === 500 ? "internal error" : "unavailable"}"}`);
    expect(counted).toEqual([`http ${code}`]);
    expect(log[0]).toMatchObject({ level, message: "request failed", fields: { code } });
  });

  test("is logged a few times a minute only", async () => {
    const { server, log } = await start();
    server.route("POST", "/hook", () => Promise.reject(new OverloadedError("full")));
    for (let n = 0; n < 20; n++) await fetch(`${server.url}/hook`, { method: "POST" });
    expect(log).toHaveLength(5);
  });

  test("is the same for an answer that cannot be sent", async () => {
    const { server } = await start();
    server.route("GET", "/bad", () => ({ status: 200, headers: { "X-Split": "a\r\nSet-Cookie: b" } }));
    expect((await fetch(`${server.url}/bad`)).status).toBe(500);
  });

  test("does not matter when the caller has gone meanwhile", async () => {
    const { server, connect, counted } = await start();
    const entered = gate();
    const leave = gate();
    server.route("POST", "/slow", async () => {
      entered.open();
      await leave.promise;
      return { status: 200, body: "too late" };
    });
    const wire = await connect();
    wire.write(post("/slow"));
    await entered.promise;
    wire.socket.destroy();
    await wire.closed;
    leave.open();
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    expect(counted).toEqual([]);
  });
});

describe("the probes", () => {
  const get = async (path: string) => {
    const response = await fetch(running!.server.url + path);
    return [response.status, await response.json()];
  };

  test("are green on a daemon that runs", async () => {
    await start();
    expect(await get("/livez")).toEqual([200, { status: "ok" }]);
    expect(await get("/startupz")).toEqual([200, { status: "ok" }]);
    expect(await get("/readyz")).toEqual([200, { status: "ok" }]);
  });

  test("say why the daemon is not ready, and live on", async () => {
    await start({ ready: async () => ({ ready: false, reasons: ["storage: no write in 1000 ms"] }), started: () => false });
    expect(await get("/livez")).toEqual([200, { status: "ok" }]);
    expect(await get("/startupz")).toEqual([503, { status: "starting" }]);
    expect(await get("/readyz")).toEqual([503, { status: "unavailable", reasons: ["storage: no write in 1000 ms"] }]);
  });
});

describe("what is mounted", () => {
  test("is served beside the routes, whether it was mounted before the first request or after", async () => {
    const { server } = await start();
    const router = (name: string) => express.Router().get("/hello", (_request, response) => void response.json({ name }));
    server.mount("/early", router("early"));
    expect(await (await fetch(`${server.url}/early/hello`)).json()).toEqual({ name: "early" });
    server.mount("/late", router("late"));
    expect(await (await fetch(`${server.url}/late/hello`)).json()).toEqual({ name: "late" });
    const missing = await fetch(`${server.url}/late/nothing`);
    expect([missing.status, await missing.json(), missing.headers.get("x-powered-by")]).toEqual([404, { error: "not found" }, null]);
  });

  test("does not show its errors", async () => {
    const { server, log } = await start();
    server.mount("/console", () => {
      throw new Error("secret detail");
    });
    const response = await fetch(`${server.url}/console`);
    expect([response.status, await response.text()]).toEqual([500, '{"error":"internal error"}']);
    expect(log[0]).toMatchObject({ level: "error", fields: { error: "secret detail" } });
  });
});

describe("upgrades", () => {
  const offer = (path: string, what = "websocket") =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${what}\r\nSec-WebSocket-Version: 13\r\n\r\n`;

  test("go to the handler of their path, with what came along", async () => {
    const { server, connect } = await start();
    server.upgrade("/ws", (request, socket, head) => {
      socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${request.url} ${head}`);
    });
    const wire = await connect();
    wire.write(`${offer("/ws?a=1")}early`);
    expect(await wire.closed).toMatch(/101 .*\/ws\?a=1 early$/s);
  });

  test("to another path are answered with 404 and closed", async () => {
    const { connect } = await start();
    const wire = await connect();
    wire.write(offer("/other"));
    expect(await wire.closed).toBe("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });

  test("that nobody speaks are ignored: the request is an ordinary one", async () => {
    const { server, connect } = await start();
    server.route("GET", "/hook", ok);
    const wire = await connect();
    wire.write(offer("/hook", "h2c"));
    expect(await wire.until("success")).toMatch(/^HTTP\/1.1 200 /);
  });

  test("whose handler throws are closed", async () => {
    const { server, connect, counted } = await start();
    server.upgrade("/ws", () => {
      throw new Error("secret detail");
    });
    const wire = await connect();
    wire.write(offer("/ws"));
    expect(await wire.closed).toMatch(/^HTTP\/1.1 500 Internal Server Error\r\n/);
    expect(counted).toEqual(["http unknown"]);
  });

  test("do not end the process when the peer resets", async () => {
    const { server, connect } = await start();
    const gone = gate();
    server.upgrade("/ws", (_request, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
      socket.on("close", () => gone.open());
    });
    const wire = await connect();
    wire.write(offer("/ws"));
    await wire.until("101");
    wire.socket.resetAndDestroy();
    await gone.promise;
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
  });
});
