import type { Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { UnreachableError } from "../../src/errors.ts";
import { createHttpClient } from "../../src/net/http-client.ts";
import { fakeClock, seededRandom } from "../../src/testing/fake-clock.ts";
import { httpPeer, type Peer, rawPeer } from "./peer.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const clock = fakeClock();

function client(url: string) {
  const made = createHttpClient(url, { timeoutMs: 5000, clock, random: seededRandom(1) });
  opened.push(made);
  return made;
}

async function raw(onConnection: (socket: Socket) => void): Promise<Peer> {
  const made = await rawPeer(onConnection);
  opened.push(made);
  return made;
}

async function http(listener: Parameters<typeof httpPeer>[0]): Promise<Peer> {
  const made = await httpPeer(listener);
  opened.push(made);
  return made;
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable("the call succeeded"),
    (error: Error & { code: string; retryable: boolean }) => error,
  );

describe("a call", () => {
  test("carries what it is given and an X-Request-ID of its own, and resolves with any status", async () => {
    const ids: unknown[] = [];
    const { url } = await http(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      ids.push(request.headers["x-request-id"]);
      response.writeHead(418, { "X-Own": "yes", "Set-Cookie": ["a=1", "b=2"] });
      response.end(JSON.stringify({ method: request.method, url: request.url, own: request.headers["x-own"], body }));
    });
    const { request } = client(`${url}/prefix/`);
    const response = await request("POST", "/send?a=%20b", { headers: { "X-Own": "me" }, body: "päylöad" });
    expect(response.status).toBe(418);
    expect(response.headers["x-own"]).toBe("yes");
    expect(response.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(JSON.parse(response.body.toString())).toEqual({ method: "POST", url: "/prefix/send?a=%20b", own: "me", body: "päylöad" });
    await request("GET", "/");
    expect(ids).toEqual([expect.stringMatching(/^[0-9a-z]{18}$/), expect.stringMatching(/^[0-9a-z]{18}$/)]);
    expect(ids[0]).not.toBe(ids[1]);
  });

  test("shares its connection with later ones", async () => {
    const peer = await http((_request, response) => response.end("ok"));
    const { request } = client(peer.url);
    for (let n = 0; n < 20; n++) expect((await request("POST", "/", { body: "x" })).body.toString()).toBe("ok");
    // undici gives a connection back one turn of the loop after the answer: a caller without a pause takes two in turns.
    expect(peer.connections).toBeLessThanOrEqual(2);
  });

  test("waits for a connection when 64 are in use", async () => {
    let arrived = 0;
    const held: (() => void)[] = [];
    const peer = await http((_request, response) => {
      held.push(() => response.end("ok"));
      if (++arrived >= 64) for (const answer of held.splice(0)) answer();
    });
    const { request } = client(peer.url);
    const calls = Array.from({ length: 70 }, () => request("GET", "/"));
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(new Array(70).fill(200));
    expect([arrived, peer.connections]).toEqual([70, 64]);
  });

  test("follows no redirect", async () => {
    const { url } = await http((_request, response) => response.writeHead(302, { Location: "/elsewhere" }).end());
    expect((await client(url).request("GET", "/")).status).toBe(302);
  });
});

describe("a call that surely did not arrive is unreachable", () => {
  test("when the connection is refused", async () => {
    const peer = await rawPeer(() => {});
    await peer.close();
    const error = await failed(client(peer.url).request("POST", "/send?access_token=t0ps3cret", { body: "x" }));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message).toMatch(/^POST http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED .*\(request \w+\)$/);
  });

  test("when the name does not resolve", async () => {
    expect(await failed(client("http://nowhere.invalid").request("GET", "/"))).toBeInstanceOf(UnreachableError);
  });

  test("when the time is up before there is a connection", async () => {
    // A TLS handshake that never ends.
    let connected!: () => void;
    const accepted = new Promise<void>((resolve) => {
      connected = resolve;
    });
    const peer = await raw(() => connected());
    const error = failed(client(`https://127.0.0.1:${peer.port}`).request("POST", "/", { body: "x" }));
    await accepted;
    await clock.advance(5000);
    expect(await error).toBeInstanceOf(UnreachableError);
    expect((await error).message).toMatch("no answer within 5000 ms, nothing was sent");
  });

  test("when the certificate is not trusted or the peer does not speak TLS", async () => {
    const peer = await raw((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await failed(client(`https://127.0.0.1:${peer.port}`).request("POST", "/"))).toBeInstanceOf(UnreachableError);
  });

  test("when the caller has given up before", async () => {
    const peer = await http((_request, response) => response.end("ok"));
    const error = await failed(client(peer.url).request("POST", "/", { signal: AbortSignal.abort() }));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(peer.connections).toBe(0);
  });

  test("when the time is up before one of the connections is free, and it is not sent later", async () => {
    const seen: string[] = [];
    const held: Socket[] = [];
    const peer = await raw((socket) => {
      held.push(socket);
      socket.on("data", (data) => seen.push(data.toString().split(" ")[1]!));
    });
    const { request } = client(peer.url);
    const first = Array.from({ length: 64 }, (_, n) => request("POST", `/first${n}`));
    while (seen.length < 64) await clock.advance(0);
    const late = failed(request("POST", "/late", { timeoutMs: 1000 }));
    await clock.advance(1000);
    expect(await late).toBeInstanceOf(UnreachableError);
    for (const socket of held) socket.write(OK);
    await Promise.all(first);
    const last = request("POST", "/last");
    while (!seen.includes("/last")) await clock.advance(0);
    for (const socket of held) socket.write(OK);
    await last;
    expect(seen).toHaveLength(65);
    expect(seen).not.toContain("/late");
  });
});

describe("a call that may have arrived", () => {
  test("is a time-out when no answer comes within its whole time, however the answer dribbles", async () => {
    let asked!: () => void;
    const arrived = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const peer = await raw((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
        asked();
      });
    });
    const error = failed(client(peer.url).request("POST", "/x?access_token=t0ps3cret", { body: "x", timeoutMs: 3000 }));
    await arrived;
    await clock.advance(2999);
    await clock.advance(1);
    expect(await error).toMatchObject({ code: "CLAWDBOT_ERR_TIMEOUT", retryable: true });
    expect((await error).message).not.toContain("t0ps3cret");
  });

  test("is a time-out when the caller gives up", async () => {
    const stop = new AbortController();
    const peer = await raw((socket) => socket.once("data", () => stop.abort()));
    const error = await failed(client(peer.url).request("POST", "/", { body: "x", signal: stop.signal }));
    expect(error).toMatchObject({ code: "CLAWDBOT_ERR_TIMEOUT", retryable: true });
  });

  test("is the platform's failure when the connection breaks", async () => {
    for (const answer of ["", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", "garbage\r\n\r\n"]) {
      const peer = await raw((socket) => socket.once("data", () => socket.end(answer)));
      const error = await failed(client(peer.url).request("POST", "/x?key=t0ps3cret", { body: "x" }));
      expect(error).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: true });
      expect(error.message).not.toContain("t0ps3cret");
    }
  });

  test("is not made again when a kept connection turns out to be dead", async () => {
    const seen: string[] = [];
    const peer = await raw((socket) => {
      socket.on("data", (data) => {
        seen.push(data.toString().split("\r\n", 1)[0]!);
        if (seen.length === 1) socket.write(OK);
        else socket.resetAndDestroy();
      });
    });
    const { request } = client(peer.url);
    expect((await request("POST", "/one", { body: "x" })).status).toBe(200);
    for (const method of ["POST", "GET"] as const) {
      const error = await failed(request(method, "/two", { body: "x" }));
      expect(error.code).toBe("CLAWDBOT_ERR_PLATFORM");
    }
    expect(seen).toEqual(["POST /one HTTP/1.1", "POST /two HTTP/1.1", "GET /two HTTP/1.1"]);
  });

  test("does not meet a connection that the peer closed while it was idle", async () => {
    let requests = 0;
    const peer = await raw((socket) => {
      socket.on("data", () => {
        requests++;
        socket.end(OK);
      });
    });
    const { request } = client(peer.url);
    for (let n = 0; n < 20; n++) expect((await request("POST", "/", { body: "x" })).status).toBe(200);
    expect(requests).toBe(20);
  });
});

describe("an answer", () => {
  test("larger than allowed is not read to its end, whether it says its length or not", async () => {
    for (const head of ["Content-Length: 100000000\r\n", "Transfer-Encoding: chunked\r\n"]) {
      const peer = await raw((socket) => {
        socket.once("data", () => {
          socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n`);
          if (head.startsWith("T")) socket.write(`400\r\n${"x".repeat(1024)}\r\n400\r\n`);
        });
      });
      const error = await failed(client(peer.url).request("GET", "/", { maxBytes: 1023 }));
      expect(error).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: false });
      expect(error.message).toMatch("larger than 1023 bytes");
    }
  });

  test("as large as allowed is", async () => {
    const { url } = await http((_request, response) => {
      response.write("x".repeat(500));
      response.end("y".repeat(524));
    });
    expect((await client(url).request("GET", "/", { maxBytes: 1024 })).body.toString()).toBe("x".repeat(500) + "y".repeat(524));
  });
});

describe("a client", () => {
  test.each(["ftp://h", "h", "http://user:pw@h", "http://h/?a=1", "http://h/#f"])("is not made for %s", (url) => {
    expect(() => client(url)).toThrow(expect.objectContaining({ code: "CLAWDBOT_ERR_CONFIG" }));
    expect(() => client(url)).not.toThrow("pw");
  });

  test("refuses a header that could not be sent, for good", async () => {
    const { url } = await http((_request, response) => response.end());
    const error = await failed(client(url).request("GET", "/", { headers: { "X-Split": "a\r\nb" } }));
    expect(error).toMatchObject({ code: "CLAWDBOT_ERR_INVALID", retryable: false });
  });

  test("makes no calls once it is closed, and ends those under way", async () => {
    const peer = await raw(() => {});
    const made = client(peer.url);
    const under = failed(made.request("GET", "/"));
    while (peer.connections === 0) await clock.advance(0);
    await made.close();
    await made.close();
    expect((await under).message).toMatch(peer.url);
    expect(await failed(made.request("GET", "/"))).toMatchObject({ code: "CLAWDBOT_ERR_STOPPING" });
  });
});
