import type { LookupAddress } from "node:dns";
import { isIP } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { isForbiddenAddress } from "../../src/net/forbidden-address.ts";
import { createGuardedFetch, type GuardedFetchOptions } from "../../src/net/guarded-fetch.ts";
import { createNet } from "../../src/net/net.ts";
import { fakeClock, seededRandom } from "../../src/testing/fake-clock.ts";
import { httpPeer, type Peer } from "./peer.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const clock = fakeClock();
const logged: string[] = [];
const note = (message: string, fields?: object) => void logged.push(`${message} ${JSON.stringify(fields)}`);
const base = { timeoutMs: 5000, clock, random: seededRandom(1), log: { debug: note, info: note, warn: note, error: note } };

function guard(options: Partial<GuardedFetchOptions> = {}) {
  const made = createGuardedFetch({ ...base, ...options });
  opened.push(made);
  return made.fetch;
}

async function http(listener: Parameters<typeof httpPeer>[0], host?: string): Promise<Peer> {
  const made = await httpPeer(listener, host);
  opened.push(made);
  return made;
}

const at = (...addresses: string[]): LookupAddress[] => addresses.map((address) => ({ address, family: isIP(address) }));
const FORBIDDEN = expect.objectContaining({ code: "CLAWDBOT_ERR_FORBIDDEN_ADDRESS", retryable: false });

/** Spellings of addresses that nobody outside may have the daemon connect to. */
const LITERALS = [
  // This machine, in all the ways of writing 127.0.0.1.
  ..."127.0.0.1 127.1 127.0.1 127.0.0.1. 0x7f.0.0.1 0x7f.1 0x7f000001 0X7F000001 2130706433 017700000001 0177.0.0.1 0177.1".split(" "),
  ..."00000177.0.0.1 127.000.000.001 0x7f.0x0.0x0.0x1 127.0.0.0x1 %31%32%37.0.0.1 127%2e0%2e0%2e1 １２７.０.０.１ 127。0。0。1".split(" "),
  ..."127.0.0.2 127.255.255.254 127.127.127.127 0.0.0.0 0 0x0 00 0.0.0.1 0.1.2.3".split(" "),
  // Private networks, carrier-grade NAT, link-local with the metadata services of the clouds.
  ..."10.0.0.1 10.255.255.255 10.1 167772161 0x0a000001 012.0.0.1 172.16.0.1 172.31.255.255 0xac100001 192.168.0.1".split(" "),
  ..."192.168.255.255 3232235521 0300.0250.0.1 192.168.257 100.64.0.1 100.127.255.255 100.100.100.200 169.254.169.254".split(" "),
  ..."169.254.0.1 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518 169.16689662".split(" "),
  // Protocol assignments, documentation, benchmarks, relays, multicast, reserved, broadcast.
  ..."192.0.0.1 192.0.0.192 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 198.18.0.1 198.19.255.255 224.0.0.1 239.255.255.250".split(" "),
  ..."240.0.0.1 250.1.2.3 255.255.255.255 4294967295 0xffffffff".split(" "),
  // IPv6: this machine, unspecified, mapped and compatible IPv4, translated, unique local, link-local, site-local, multicast.
  ..."[::1] [0:0:0:0:0:0:0:1] [::] [0000::1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:169.254.169.254] [::ffff:a9fe:a9fe]".split(" "),
  ..."[::ffff:10.0.0.1] [::ffff:8.8.8.8] [0:0:0:0:0:ffff:7f00:1] [::127.0.0.1] [::7f00:1] [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1]".split(
    " ",
  ),
  ..."[64:ff9b::a9fe:a9fe] [64:ff9b::808:808] [64:ff9b:1::1] [fc00::1] [fd00::1] [fd00:ec2::254] [fdff:ffff::1] [fe80::1]".split(" "),
  ..."[febf::1] [fec0::1] [ff02::1] [ff0e::1] [100::1] [4000::1] [5f00::1]".split(" "),
  // IPv6 that carries IPv4 (6to4, Teredo), benchmarks, documentation.
  ..."[2002:7f00:1::] [2002:a9fe:a9fe::1] [2001::7f00:1] [2001:0:4136:e378:8000:63bf:3fff:fdd2] [2001:2::1] [2001:10::1] [2001:20::1]".split(
    " ",
  ),
  ..."[2001:db8::1] [3fff::1] [3fff:fff::1]".split(" "),
];

/** Names whose answers are such addresses. The last address of each is the bad one. */
const NAMES: Record<string, string[]> = {
  "localhost.": ["127.0.0.1"],
  "metadata.google.internal": ["169.254.169.254"],
  "127.0.0.1.nip.io": ["127.0.0.1"],
  "redis-ha": ["10.0.3.4"],
  "printer.local": ["192.168.1.9"],
  "cgnat.example": ["100.64.9.9"],
  "zero.example": ["0.0.0.0"],
  "six.example": ["::1"],
  "mapped.example": ["::ffff:127.0.0.1"],
  "ula.example": ["fd12:3456::1"],
  "scoped.example": ["fe80::1%lo"],
  "nat64.example": ["64:ff9b::7f00:1"],
  "good-then-bad.example": ["93.184.216.34", "127.0.0.1"],
  "six-then-four.example": ["2606:4700::1111", "10.0.0.1"],
  "bücher.example": ["127.0.0.1"],
  "UPPER.example": ["127.0.0.1"],
  "nothing-of-the-kind.example": ["not an address"],
};

/** What is no address of a web resource, or hides where it leads to. */
const OTHERS = [
  ..."file:///etc/passwd file://127.0.0.1/etc/passwd gopher://127.0.0.1:PORT/_x ftp://127.0.0.1:PORT/ data:text/plain,x javascript:1".split(
    " ",
  ),
  ..."ws://127.0.0.1:PORT/ dict://127.0.0.1:PORT/ ldap://127.0.0.1:PORT/ unix:/var/run/docker.sock blob:http://127.0.0.1:PORT/x".split(" "),
  ..."http://93.184.216.34@127.0.0.1:PORT/ http://user:pw@127.0.0.1:PORT/ http://user@93.184.216.34/ http://:pw@93.184.216.34/".split(" "),
  ..."http://example.com%40127.0.0.1@127.0.0.1:PORT/ http://127.0.0.1:PORT#@example.com/ http://127.0.0.1:PORT?@example.com/".split(" "),
  ..."http:\\\\127.0.0.1:PORT\\x http:/127.0.0.1:PORT/ http:127.0.0.1:PORT/ http:///127.0.0.1:PORT/ https://127.0.0.1:PORT/".split(" "),
  "http://127.0.0.1:PORT\\@example.com/",
  " http://127.0.0.1:PORT/ ",
  "ht\ntp://127.0.\t0.1:PORT/",
];

const resolveNames: NonNullable<GuardedFetchOptions["resolve"]> = async (name) => {
  const known = Object.entries(NAMES).find(([key]) => new URL(`http://${key}`).hostname === name);
  if (!known) throw new Error(`no such name: ${name}`);
  return at(...known[1]);
};

describe("an address that leads inside is refused, and nothing connects:", () => {
  let peer: Peer;

  async function tryAll(urls: (port: number) => string[]): Promise<void> {
    peer = await http((_request, response) => response.end("inside"));
    const six = await httpPeer((_request, response) => response.end("inside"), "::1").catch(() => undefined);
    if (six) opened.push(six);
    const fetch = guard({ resolve: resolveNames });
    for (const port of six ? [peer.port, six.port] : [peer.port]) {
      for (const url of urls(port)) await expect(fetch(url), url).rejects.toEqual(FORBIDDEN);
    }
    expect([peer.connections, six?.connections ?? 0]).toEqual([0, 0]);
  }

  test(`${LITERALS.length} spellings of addresses`, () => tryAll((port) => LITERALS.map((host) => `http://${host}:${port}/`)));

  test(`${Object.keys(NAMES).length} names`, () => tryAll((port) => Object.keys(NAMES).map((host) => `http://${host}:${port}/x?y`)));

  test(`${OTHERS.length} other tricks`, () => tryAll((port) => OTHERS.map((url) => url.replace("PORT", String(port)))));

  test("each of the spellings as the target of a redirect", async () => {
    const inside = await http((_request, response) => response.end("inside"));
    const plain = LITERALS.filter((host) => /^[!-~]+$/.test(host));
    const targets = [...plain.map((host) => `http://${host}:${inside.port}/`), ...OTHERS.slice(0, 18)];
    const outside = await http((request, response) => {
      const location = targets[Number(request.url!.slice(1))]!.replace("PORT", String(inside.port));
      response.writeHead(302, { Location: location }).end();
    }, "127.0.0.9");
    const fetch = guard({ forbidden: (address) => address !== "127.0.0.9" && isForbiddenAddress(address) });
    for (let n = 0; n < targets.length; n++) await expect(fetch(`${outside.url}/${n}`), targets[n]).rejects.toEqual(FORBIDDEN);
    expect(inside.connections).toBe(0);
    expect(outside.connections).toBeGreaterThan(0);
  });

  test("a name server that changes its answer between the check and the connection", async () => {
    const inside = await http((_request, response) => response.end("inside"), "127.0.0.8");
    const outside = await http((_request, response) => response.writeHead(200, { Connection: "close" }).end("outside"), "127.0.0.9");
    let asked = 0;
    const fetch = guard({
      // The good address for every other question.
      resolve: async () => at(asked++ % 2 === 0 ? "127.0.0.9" : "127.0.0.8"),
      forbidden: (address) => address !== "127.0.0.9",
    });
    const results = [];
    for (let n = 0; n < 6; n++) {
      const result = fetch(`http://rebinding.example:${n % 2 === 0 ? outside.port : inside.port}/`);
      results.push(await result.then((response) => response.body.toString()).catch((error) => error.code));
    }
    expect(results).toEqual(Array.from({ length: 6 }, (_, n) => (n % 2 === 0 ? "outside" : "CLAWDBOT_ERR_FORBIDDEN_ADDRESS")));
    expect([asked, inside.connections, outside.connections]).toEqual([6, 0, 3]);
  });

  test("a name is resolved once for each connection, never checked under one answer and connected under another", async () => {
    const outside = await http((_request, response) => response.end("outside"), "127.0.0.9");
    let asked = 0;
    const fetch = guard({
      resolve: async () => at(asked++ === 0 ? "127.0.0.9" : "127.0.0.8"),
      forbidden: (address) => address === "127.0.0.8",
    });
    expect((await fetch(`http://once.example:${outside.port}/`)).body.toString()).toBe("outside");
    expect(asked).toBe(1);
  });

  test("and says so in the log, without what the address carried", async () => {
    logged.length = 0;
    await expect(guard()("http://127.0.0.1/x?token=t0ps3cret")).rejects.not.toThrow("t0ps3cret");
    expect(logged).toEqual(['outbound address refused {"host":"127.0.0.1","code":"CLAWDBOT_ERR_FORBIDDEN_ADDRESS"}']);
  });
});

describe("public addresses", () => {
  test.each([
    ..."1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 169.253.0.1 192.167.0.1".split(" "),
    "11.0.0.1",
    "126.0.0.1",
    "128.0.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450::1",
    "2400:3200::1",
    "2001:4860:4860::8888",
  ])("such as %s are let through", (address) => expect(isForbiddenAddress(address)).toBe(false));
});

describe("a fetch", () => {
  const outside = { forbidden: () => false };

  test("is a GET, or a POST when it has a body, with an X-Request-ID", async () => {
    const { url } = await http(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      response.end(`${request.method} ${request.url} ${request.headers.own} ${request.headers["x-request-id"]?.length} ${body}`);
    });
    const fetch = guard(outside);
    expect((await fetch(`${url}/a?b=c#d`, { headers: { own: "1" } })).body.toString()).toBe("GET /a?b=c 1 18 ");
    expect((await fetch(`${url}/a`, { body: "text" })).body.toString()).toBe("POST /a undefined 18 text");
  });

  test("follows five redirects and not a sixth", async () => {
    const { url } = await http((request, response) => {
      const left = Number(request.url!.slice(1));
      if (left > 0) response.writeHead(302, { Location: `./${left - 1}` });
      response.end("there");
    });
    const fetch = guard(outside);
    expect((await fetch(`${url}/5`)).body.toString()).toBe("there");
    await expect(fetch(`${url}/6`)).rejects.toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: false });
  });

  test("becomes a GET by a redirect unless its status forbids that, and leaves credentials with their host", async () => {
    const seen: string[] = [];
    const note =
      (name: string): Parameters<typeof httpPeer>[0] =>
      async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        const { authorization, cookie, own, "content-type": type } = request.headers;
        seen.push(`${name} ${request.method} ${body}|${authorization}|${cookie}|${own}|${type}`);
        const [, status, target] = request.url!.split("/");
        if (status) response.writeHead(Number(status), { Location: target ? `${other.url}/` : "/" });
        response.end();
      };
    const other = await http(note("other"));
    const { url } = await http(note("first"));
    const options = { body: "b", headers: { Authorization: "a", cookie: "c", own: "o", "Content-Type": "t" } };
    const fetch = guard(outside);
    await fetch(`${url}/303`, options);
    await fetch(`${url}/307/other`, options);
    expect(seen).toEqual([
      "first POST b|a|c|o|t",
      "first GET |a|c|o|undefined",
      "first POST b|a|c|o|t",
      "other POST b|undefined|undefined|o|t",
    ]);
  });

  test("gives back a redirect that leads nowhere", async () => {
    const { url } = await http((_request, response) => response.writeHead(302, { Location: "http://[" }).end());
    expect((await guard(outside)(url)).status).toBe(302);
  });

  test("has one deadline for all its redirects and one limit for each answer", async () => {
    const { url } = await http((request, response) => {
      if (request.url === "/large") response.end("x".repeat(1025));
      else if (request.url === "/redirect") void clock.advance(3000).then(() => response.writeHead(302, { Location: "/hang" }).end());
      else void clock.advance(2000);
    });
    const fetch = guard(outside);
    await expect(fetch(`${url}/large`, { maxBytes: 1024 })).rejects.toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM" });
    await expect(fetch(`${url}/redirect`)).rejects.toMatchObject({
      code: "CLAWDBOT_ERR_TIMEOUT",
      message: expect.stringContaining("2000 ms"),
    });
  });

  test("of what is no URL is invalid", async () => {
    await expect(guard()("not a url")).rejects.toMatchObject({ code: "CLAWDBOT_ERR_INVALID" });
  });

  test("of a name that does not resolve is unreachable", async () => {
    const fetch = guard({ resolve: () => Promise.reject(Object.assign(new Error("getaddrinfo ENOTFOUND x"), { code: "ENOTFOUND" })) });
    await expect(fetch("http://nowhere.example/")).rejects.toMatchObject({ code: "CLAWDBOT_ERR_UNREACHABLE" });
    await expect(guard({ resolve: async () => [] })("http://empty.example/")).rejects.toMatchObject({ code: "CLAWDBOT_ERR_UNREACHABLE" });
  });
});

describe("the way out", () => {
  test("lets configured peers be on this machine, but not fetched addresses, and closes both", async () => {
    const peer = await http((_request, response) => response.end("ok"));
    const net = createNet({ ioTimeoutMs: 1000, clock, random: seededRandom(1), log: base.log });
    expect((await net.client(peer.url).request("GET", "/")).body.toString()).toBe("ok");
    expect(net.client(peer.url)).toBe(net.client(peer.url));
    await expect(net.fetch(peer.url)).rejects.toEqual(FORBIDDEN);
    await net.close();
    await expect(net.client(peer.url).request("GET", "/")).rejects.toMatchObject({ code: "CLAWDBOT_ERR_STOPPING" });
  });
});
