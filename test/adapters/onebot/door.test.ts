import { afterEach, describe, expect, test } from "vitest";
import { type Host, LOCAL_TOKEN, lifecycle, openPeer, type PeerOptions, privateEvent, SELF, startHost, TOKEN } from "./host.ts";

let host: Host;
afterEach(() => host.stop());

/** The status of a refusal, or "open". */
async function knock(options: PeerOptions): Promise<number | string> {
  const peer = openPeer(host.url, options);
  return await peer.opened.then(
    () => "open",
    (status: number) => status,
  );
}

describe("who may dial in", () => {
  test.each(["/onebot/v11/ws", "/onebot/v11/ws/", "/onebot/v11/", "/onebot/v11"])("a peer on %s", async (path) => {
    host = await startHost();
    const peer = await host.peer({ path });
    peer.send(privateEvent(1));
    await peer.pong();
    expect(host.received).toMatchObject([{ account: SELF, platformId: "1" }]);
  });

  test("the token comes as Bearer, as Token or in the query", async () => {
    host = await startHost();
    expect(await knock({})).toBe("open");
    expect(await knock({ token: null, headers: { authorization: `Token ${TOKEN}` } })).toBe("open");
    expect(await knock({ token: null, path: `/onebot/v11/ws?access_token=${TOKEN}` })).toBe("open");
  });

  test("any of several tokens opens the door", async () => {
    host = await startHost({ token: "one-of-them", tokens: ["another-one"] });
    expect(await knock({ token: "one-of-them" })).toBe("open");
    expect(await knock({ token: "another-one" })).toBe("open");
    expect(await knock({ token: TOKEN })).toBe(401);
  });

  test("without a token of its own, this machine's token does", async () => {
    host = await startHost({});
    expect(await knock({ token: LOCAL_TOKEN })).toBe("open");
    expect(await knock({ token: "" })).toBe(401);
    expect(await knock({ token: null })).toBe(401);
  });

  test.each([
    ["no token", { token: null }, 401],
    ["an empty token", { token: null, headers: { authorization: "Bearer " } }, 401],
    ["a wrong token", { token: `${TOKEN}x` }, 401],
    ["a wrong token in the query", { token: null, path: "/onebot/v11/ws?access_token=x" }, 401],
    ["a web page", { headers: { origin: "https://attacker.example" } }, 403],
    ["a page of no origin", { headers: { origin: "null" } }, 403],
    ["nobody", { self: null }, 400],
    ["an account that would break keys", { self: "a:b" }, 400],
  ] as [string, PeerOptions, number][])("%s is refused before the upgrade", async (_name, options, status) => {
    host = await startHost();
    expect(await knock(options)).toBe(status);
    expect(host.logged.find(({ message }) => message === "connection refused")?.fields).toMatchObject({ status });
    expect(JSON.stringify(host.logged)).not.toContain(TOKEN);
  });

  test("a library that names the daemon itself as the origin is no web page", async () => {
    host = await startHost();
    expect(await knock({ headers: { origin: host.url.replace("ws:", "http:") } })).toBe("open");
  });

  test("nobody while the channel is stopped", async () => {
    host = await startHost();
    await host.adapter.stop();
    expect(await knock({})).toBe(503);
    await host.adapter.start();
    expect(await knock({})).toBe("open");
  });
});

describe("which account it is", () => {
  test("each X-Self-ID is one, and what is told says who is here", async () => {
    host = await startHost();
    expect(host.state).toEqual({ receiving: true, detail: "no peer is connected" });
    const first = await host.peer();
    const second = await host.peer({ self: "10002" });
    expect(host.state).toEqual({ receiving: true, detail: "10001, 10002" });
    second.send(privateEvent(1, "hi", { self_id: "10002" }));
    await second.pong();
    expect(host.received).toMatchObject([{ account: "10002" }]);
    first.socket.close();
    await first.closed;
    await second.pong();
    expect(host.state).toEqual({ receiving: true, detail: "10002" });
  });

  test("an event of another account than the connection's is dropped", async () => {
    host = await startHost();
    const peer = await host.peer();
    peer.send(privateEvent(1, "hi", { self_id: 10002 }));
    peer.send(privateEvent(2, "hi", { self_id: undefined }));
    peer.send(privateEvent(3));
    await peer.pong();
    expect(host.received.map(({ platformId }) => platformId)).toEqual(["3"]);
  });

  test("a peer whose bot is logged out says so in its heartbeat", async () => {
    host = await startHost();
    const peer = await host.peer();
    peer.send(lifecycle());
    peer.send(lifecycle({ meta_event_type: "heartbeat", status: { online: false, good: true }, interval: 15000 }));
    await peer.pong();
    expect(host.state?.detail).toBe("10001 (logged out)");
    peer.send(lifecycle({ meta_event_type: "heartbeat", status: { online: true, good: true }, interval: 15000 }));
    await peer.pong();
    expect(host.state?.detail).toBe("10001");
  });
});
