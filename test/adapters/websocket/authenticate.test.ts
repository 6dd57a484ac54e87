import { request } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { type Host, LOCAL_TOKEN, openPeer, startHost, TOKEN } from "./host.ts";

let host: Host;
afterEach(() => host.stop());

/** The status of a refused upgrade; fails when it is not refused. */
async function refusal(options: Parameters<typeof openPeer>[1]): Promise<number> {
  return await openPeer(host.wsUrl, options).opened.then(
    () => Promise.reject(new Error("was let in")),
    (status: number) => status,
  );
}

describe("the token", () => {
  test("names the client", async () => {
    host = await startHost({
      tokens: [
        { name: "ops", token: "token-one" },
        { name: "web", token: "token-two" },
      ],
    });
    const ops = await host.connect({ token: "token-one" });
    const web = await host.connect({ token: "token-two" });
    expect((await ops.first(1))[0]).toEqual({ type: "welcome", client: "ops", seq: 0, limits: { maxFrameBytes: 1_048_576 } });
    expect((await web.first(1))[0].client).toBe("web");
  });

  test("may come as a subprotocol, which is answered with the same", async () => {
    host = await startHost();
    const peer = await host.connect({ token: null, protocols: ["other", `clawdbot.bearer.${TOKEN}`] });
    expect(peer.socket.protocol).toBe(`clawdbot.bearer.${TOKEN}`);
    expect((await peer.first(1))[0].client).toBe("default");
  });

  test.each([
    ["is wrong", { token: "token-of-others" }],
    ["is cut short", { token: TOKEN.slice(0, -1) }],
    ["goes on", { token: `${TOKEN}x` }],
    ["is missing", { token: null }],
    ["is empty", { token: "" }],
    ["is in another scheme", { token: null, headers: { authorization: `Basic ${TOKEN}` } }],
    ["is wrong as a subprotocol", { token: null, protocols: ["clawdbot.bearer.nobody"] }],
  ])("that %s is answered with 401 before the upgrade", async (_what, options) => {
    host = await startHost();
    expect(await refusal(options)).toBe(401);
    expect(host.received).toEqual([]);
  });

  test("is never logged when it is refused", async () => {
    host = await startHost();
    await refusal({ token: "a-secret-typed-wrong" });
    expect(host.logged).toHaveLength(1);
    expect(JSON.stringify(host.logged)).not.toContain("a-secret-typed-wrong");
  });

  test("can be changed without a break: two tokens of one name are one client", async () => {
    host = await startHost({
      tokens: [
        { name: "ops", token: "token-old" },
        { name: "ops", token: "token-new" },
      ],
    });
    const before = await host.connect({ token: "token-old" });
    const after = await host.connect({ token: "token-new" });
    await Promise.all([before.settled(), after.settled()]);
    await host.deliver(host.reply("to both", { account: "ops" }));
    expect((await before.settled()).at(-1).text).toBe("to both");
    expect((await after.settled()).at(-1).text).toBe("to both");
  });

  test("without a configured one the local token logs in as console, and is offered to this machine's clients", async () => {
    host = await startHost({});
    expect(host.login).toEqual({ path: "/clawdbot/ws", token: LOCAL_TOKEN, account: "console" });
    const peer = await host.connect({ token: LOCAL_TOKEN });
    expect((await peer.first(1))[0].client).toBe("console");
    expect(await refusal({ token: TOKEN })).toBe(401);
  });

  test("with a configured one the local token opens nothing", async () => {
    host = await startHost({ token: TOKEN });
    expect(host.login?.token).toBe(TOKEN);
    expect(await refusal({ token: LOCAL_TOKEN })).toBe(401);
  });
});

describe("the origin", () => {
  test.each(["https://attacker.example", "null", "http://localhost:1", "file://"])(
    "of a foreign page, %s, is answered with 403",
    async (origin) => {
      host = await startHost();
      expect(await refusal({ token: TOKEN, headers: { origin } })).toBe(403);
    },
  );

  test("of a name that only points to this machine is foreign", async () => {
    host = await startHost();
    const rebound = "attacker.example:80";
    expect(await refusal({ token: TOKEN, headers: { host: rebound, origin: `http://${rebound}` } })).toBe(403);
  });

  test("of the daemon's own page on a loopback address is welcome", async () => {
    host = await startHost();
    const peer = await host.connect({ headers: { origin: host.url } });
    expect((await peer.first(1))[0].type).toBe("welcome");
  });

  test("in allowed_origins is welcome", async () => {
    host = await startHost({ token: TOKEN, allowed_origins: ["https://chat.example.com"] });
    const peer = await host.connect({ headers: { origin: "https://chat.example.com" } });
    expect((await peer.first(1))[0].type).toBe("welcome");
    expect(await refusal({ token: TOKEN, headers: { origin: "https://chat.example.com.attacker.example" } })).toBe(403);
  });
});

describe("the upgrade", () => {
  test("is refused with 503 beyond max_connections of one client, and another client is not touched", async () => {
    host = await startHost({
      tokens: [
        { name: "a", token: "token-a" },
        { name: "b", token: "token-b" },
      ],
      max_connections: 1,
    });
    const first = await host.connect({ token: "token-a" });
    expect(await refusal({ token: "token-a" })).toBe(503);
    await host.connect({ token: "token-b" });
    first.socket.close();
    await first.closed;
    await host.connect({ token: "token-a" });
  });

  test("is refused with 503 while the store cannot say where the client was, and works when it can", async () => {
    host = await startHost();
    const { sent } = { sent: async () => [] };
    host.override({ sent: () => Promise.reject(new Error("disk")) });
    expect(await refusal({ token: TOKEN })).toBe(503);
    host.override({ sent });
    await host.connect();
  });

  test("is refused with 503 after stop", async () => {
    host = await startHost();
    await host.adapter.stop();
    expect(await refusal({ token: TOKEN })).toBe(503);
  });

  test("that is no WebSocket handshake is answered by status, not by a hang", async () => {
    host = await startHost();
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${TOKEN}`, connection: "Upgrade", upgrade: "websocket" };
      request(`${host.url}/clawdbot/ws`, { headers }, (response) => resolve(response.statusCode))
        .on("error", reject)
        .end();
    });
    expect(status).toBe(400);
  });
});

describe("the configuration", () => {
  test.each([
    ["both token and tokens", { token: TOKEN, tokens: [{ name: "a", token: "token-a" }] }],
    [
      "one token for two clients",
      {
        tokens: [
          { name: "a", token: "token-a" },
          { name: "b", token: "token-a" },
        ],
      },
    ],
    ["an empty token", { token: "" }],
    ["a placeholder as token", { token: "your-token" }],
    ["a client name with a colon", { tokens: [{ name: "a:b", token: "token-a" }] }],
    ["an origin with a path", { allowed_origins: ["https://chat.example.com/x"] }],
    ["an unknown key", { tokn: "token-a" }],
  ])("refuses %s", async (_what, section) => {
    host = await startHost();
    await expect(startHost(section)).rejects.toThrow();
  });
});
