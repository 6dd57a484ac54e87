import { NCWebsocket } from "node-napcat-ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import simulator, { createOnebotSimulator, type SimulatedOnebot } from "../../../adapters/onebot/simulator.ts";
import { type TestGateway, testGateway } from "../../../src/testing/test-gateway.ts";
import { until } from "../../../src/testing/until.ts";

const TOKEN = "token-of-the-peer";
const LISTENING = { connect: [{ url: "ws://127.0.0.1:0", token: TOKEN }] };

describe("node-napcat-ts, a client for NapCat by others, finds in the simulator what it expects", () => {
  let platform: SimulatedOnebot;
  let client: NCWebsocket;

  beforeEach(async () => {
    platform = createOnebotSimulator({ config: LISTENING, daemonUrl: "http://127.0.0.1:1" });
    await platform.start();
    client = connectTo(platform, TOKEN);
  });
  afterEach(async () => {
    await client.disconnect();
    await platform.stop();
  });

  test("a hello, messages in both forms, and answers to its calls", async () => {
    const heard: unknown[] = [];
    client.on("meta_event.lifecycle.connect", ({ self_id }) => heard.push(["hello", self_id]));
    client.on("message.private", ({ user_id, message }) => heard.push([user_id, message]));
    client.on("message.group", ({ group_id, sender, message }) => heard.push([group_id, sender.role, message]));
    await client.connect();
    await platform.say({ from: "123456", text: "hi & [bye]" });
    await platform.say({ from: "123456", group: "777", text: "hi" });
    await until("both messages", () => heard.length === 3);
    expect(heard).toEqual([
      ["hello", 10001],
      [123456, [{ type: "text", data: { text: "hi & [bye]" } }]],
      [
        777,
        "member",
        [
          { type: "at", data: { qq: "10001" } },
          { type: "text", data: { text: " hi" } },
        ],
      ],
    ]);
    const message = [{ type: "text" as const, data: { text: "pong" } }];
    expect(await client.send_private_msg({ user_id: 123456, message })).toEqual({ message_id: expect.any(Number) });
    expect(await client.send_group_msg({ group_id: 777, message })).toEqual({ message_id: expect.any(Number) });
    expect(await client.get_login_info()).toMatchObject({ user_id: 10001 });
    expect(platform.sent).toMatchObject([
      { conversation: "123456", text: "pong" },
      { conversation: "777", text: "pong" },
    ]);
  });

  test("refusals with NapCat's codes", async () => {
    await client.connect();
    platform.fault({ kind: "rate-limit", times: 1 });
    const message = [{ type: "text" as const, data: { text: "pong" } }];
    await expect(client.send_group_msg({ group_id: 777, message })).rejects.toMatchObject({ retcode: 1200, status: "failed" });
    await expect(client.send_group_msg({ group_id: 777, message: [] })).rejects.toMatchObject({ retcode: 1400 });
    await expect(client.get_group_list({})).rejects.toMatchObject({ retcode: 1404 });
  });

  test("a wrong token refused as NapCat does", async () => {
    const stranger = connectTo(platform, "wrong-token");
    const refused = new Promise((resolve) => stranger.on("socket.error", resolve));
    void stranger.connect();
    expect(await refused).toMatchObject({ error_type: "response_error", info: { errno: 1403 } });
  });
});

function connectTo(platform: SimulatedOnebot, accessToken: string): NCWebsocket {
  return new NCWebsocket({ baseUrl: platform.apiBase, accessToken, reconnection: { enable: false } });
}

describe("a whole daemon", () => {
  let daemon: TestGateway | undefined;
  let platform: SimulatedOnebot | undefined;
  afterEach(async () => {
    await platform?.stop();
    await daemon?.stop();
  });

  test("dials a peer, and answers its users and groups there", async () => {
    platform = createOnebotSimulator({ config: LISTENING, daemonUrl: "" });
    await platform.start();
    daemon = await testGateway({ config: { onebot: { connect: [{ url: platform.apiBase, token: TOKEN }] } } });
    await platform.say({ from: "u1", text: "/echo 你好 [CQ:at,qq=all]" });
    await platform.say({ from: "123456", group: "777", text: "echo 组" });
    await platform.waitForSent(2);
    expect(platform.sent.map(({ conversation, text }) => [conversation, text])).toEqual(
      expect.arrayContaining([
        ["u1", "你好 [CQ:at,qq=all]"],
        ["777", "组"],
      ]),
    );
  });

  test.each([
    ["its own token", { token: "own-token-of-onebot" }, { token: "token-of-websocket" }, "own-token-of-onebot"],
    ["the token of websocket", { enabled: true }, { token: "token-of-websocket" }, "token-of-websocket"],
    [
      "one of the tokens of websocket",
      { enabled: true },
      {
        tokens: [
          { name: "a", token: "first-token" },
          { name: "b", token: "second-token" },
        ],
      },
      "second-token",
    ],
  ])("lets a peer in with %s, and with nothing else", async (_name, onebot, websocket, token) => {
    daemon = await testGateway({ config: { onebot, websocket } });
    const stranger = createOnebotSimulator({ config: {}, token: "stranger", daemonUrl: daemon.url, retries: 0 });
    platform = createOnebotSimulator({ config: {}, token, daemonUrl: daemon.url });
    await platform.start();
    expect(await platform.say({ from: "u1", text: "/echo hi" })).toMatchObject({ acked: true });
    await platform.waitForSent(1);
    expect(await stranger.say({ from: "u1", text: "/echo hi" }, { forge: "other-account" })).toMatchObject({
      acked: false,
      answers: [401],
    });
  });

  test("sends what it had to say once a peer that was away is back", async () => {
    const config = simulator.config("");
    daemon = await testGateway({ config: { onebot: config } });
    platform = createOnebotSimulator({ config, daemonUrl: daemon.url, retryDelayMs: 20 });
    await platform.start();
    await platform.say({ from: "u1", text: "/echo here" });
    await platform.waitForSent(1);
    platform.fault({ kind: "refuse" });
    await until("the peer to be gone", () => daemon!.gateway.channels()[0]?.detail === "no peer is connected");
    const { pipeline } = daemon.gateway;
    const conversation = { id: "777", type: "group" as const };
    await pipeline.send({ channel: "onebot", account: "10001", conversation, segments: [{ type: "text", text: "news" }] });
    platform.fault(null);
    const [, news] = await platform.waitForSent(2);
    expect(news).toMatchObject({ conversation: "777", text: "news" });
  });

  test("keeps what happens besides messages as events", async () => {
    const config = simulator.config("");
    daemon = await testGateway({ config: { onebot: config } });
    platform = createOnebotSimulator({ config, daemonUrl: daemon.url });
    await platform.start();
    const joined = { post_type: "notice", notice_type: "group_increase", sub_type: "approve", group_id: 777, user_id: 5, operator_id: 6 };
    expect(await platform.happen(joined)).toMatchObject({ acked: true });
    const [trace] = await daemon.gateway.storage.traces({ limit: 1 });
    const [message] = await daemon.gateway.storage.history(trace!.conversation, { limit: 1 });
    expect(message).toMatchObject({ contentType: "event", conversation: { id: "777", type: "group" }, raw: joined });
  });
});
