import type { Reply, Segment } from "clawdbot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { groupEvent, type Host, type Peer, startHost } from "./host.ts";

let host: Host;
let peer: Peer;
beforeEach(async () => {
  host = await startHost();
  peer = await host.peer();
});
afterEach(() => host.stop());

/** Sends it, answers the call with what is given, and returns the call beside what became of it. */
async function sent(reply: Reply, answer: Record<string, unknown> = { status: "ok", retcode: 0, data: { message_id: 8 } }) {
  const sending = host.send(reply).catch((error: unknown) => error);
  const call = await peer.call(peer.frames.length + 1);
  peer.send({ ...answer, echo: call.echo });
  return { call, result: await sending };
}

const made = (segments: Segment[], about: Partial<Reply> = {}) => host.reply("", { segments, ...about });

describe("a call", () => {
  test("goes to the group, with its id as a number", async () => {
    const { call, result } = await sent(host.reply("pong"));
    expect(call).toMatchObject({
      action: "send_group_msg",
      params: { group_id: 777, message: [{ type: "text", data: { text: "pong" } }] },
    });
    expect(call.echo).toEqual(expect.any(String));
    expect(result).toEqual({ platformId: "8" });
  });

  test("goes to the user, also one that a command names without the prefix", async () => {
    for (const id of ["private:123456", "123456"]) {
      const { call } = await sent(host.reply("pong", { conversation: { id, type: "direct" } }));
      expect(call).toMatchObject({ action: "send_private_msg", params: { user_id: 123456 } });
      expect(call.params).not.toHaveProperty("group_id");
    }
  });

  test("keeps ids that are no numbers as they are", async () => {
    for (const id of ["room", "007", "12345678901234567890"]) {
      expect((await sent(host.reply("pong", { conversation: { id, type: "group" } }))).call.params.group_id).toBe(id);
    }
  });

  test("says what it can in the peer's segments, and the rest as text", async () => {
    const { call } = await sent(
      made([
        { type: "quote", id: "7" },
        { type: "mention", id: "5", name: "Li" },
        { type: "mention", all: true },
        { type: "mention", name: "Wang" },
        { type: "markdown", text: "**hi**" },
        { type: "image", url: "https://example.com/a.png" },
        { type: "voice", data: "AAAA" },
        { type: "file", name: "a.pdf", url: "https://example.com/a.pdf" },
        { type: "location", latitude: 1, longitude: 2, title: "here" },
      ]),
    );
    expect(call.params.message).toEqual([
      { type: "reply", data: { id: "7" } },
      { type: "at", data: { qq: "5" } },
      { type: "at", data: { qq: "all" } },
      { type: "text", data: { text: "@Wang" } },
      { type: "text", data: { text: "**hi**" } },
      { type: "image", data: { file: "https://example.com/a.png" } },
      { type: "record", data: { file: "base64://AAAA" } },
      { type: "text", data: { text: "a.pdf https://example.com/a.pdf" } },
      { type: "text", data: { text: "here 1,2" } },
    ]);
  });

  test("never names a path on the peer's machine, and never a code in text", async () => {
    const { call } = await sent(
      made([
        { type: "image", url: "file:///etc/passwd" },
        { type: "video", ref: "file:///etc/passwd" },
        { type: "text", text: "[CQ:image,file=file:///etc/passwd]" },
      ]),
    );
    expect(call.params.message).toEqual([
      { type: "text", data: { text: "[image]" } },
      { type: "text", data: { text: "[video]" } },
      { type: "text", data: { text: "[CQ:image,file=file:///etc/passwd]" } },
    ]);
    expect(call.params).not.toHaveProperty("auto_escape");
  });

  test("finds its answer whatever the order of answers", async () => {
    const sending = ["a", "b"].map((text) => host.send(host.reply(text)));
    const [first, second] = [await peer.call(1), await peer.call(2)];
    peer.send({ status: "ok", retcode: 0, data: { message_id: 2 }, echo: second.echo });
    peer.send({ status: "ok", retcode: 0, data: { message_id: 1 }, echo: first.echo });
    expect(await Promise.all(sending)).toEqual([{ platformId: "1" }, { platformId: "2" }]);
  });

  test("that was sent is known when somebody replies to it", async () => {
    await sent(host.reply("pong"));
    peer.send(groupEvent(1, "[CQ:reply,id=8]thanks"));
    peer.send(groupEvent(2, "[CQ:reply,id=9]thanks"));
    await peer.pong();
    expect(host.received.map(({ mentionsBot }) => mentionsBot)).toEqual([true, false]);
  });
});

describe("an answer", () => {
  test("of a peer that will send it later counts as sent", async () => {
    expect((await sent(host.reply("pong"), { status: "async", retcode: 1, data: null })).result).toEqual({ detail: "async" });
  });

  const napcat = (result: number) => ({
    status: "failed",
    retcode: 1200,
    data: null,
    message: `EventChecker Failed: NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg EventRet:\n{\n    "result": ${result},\n    "errMsg": ""\n}\n`,
  });
  const failed = (retcode: number, more: Record<string, unknown> = {}) => ({ status: "failed", retcode, data: null, ...more });

  test.each([
    ["a bad request", failed(1400), { name: "RejectedError", platformCode: "1400" }],
    ["an unknown action", failed(1404), { name: "RejectedError", platformCode: "1404" }],
    [
      "no such group, of go-cqhttp",
      failed(100, { msg: "GROUP_NOT_FOUND", wording: "群聊不存在" }),
      { name: "RejectedError", platformCode: "GROUP_NOT_FOUND" },
    ],
    ["muted in the group, of NapCat", napcat(120), { name: "RejectedError", platformCode: "qq-120" }],
    ["not in the group, of NapCat", napcat(110), { name: "RejectedError", platformCode: "qq-110" }],
    ["the group's limit a minute, of NapCat", napcat(299), { name: "RateLimitError", retryAfterMs: 60_000 }],
    ["a refused token", failed(1403), { name: "UnreachableError" }],
    [
      "a time-out of QQ, of NapCat",
      failed(1200, { wording: "Timeout: NTEvent sendMsg" }),
      { code: "CLAWDBOT_ERR_PLATFORM", retryable: true },
    ],
    ["risk control, of go-cqhttp", failed(100, { msg: "SEND_MSG_API_ERROR" }), { code: "CLAWDBOT_ERR_PLATFORM", retryable: true }],
    ["a code that nobody knows", failed(-7), { code: "CLAWDBOT_ERR_PLATFORM", retryable: true }],
  ])("%s", async (_name, answer, expected) => {
    expect((await sent(host.reply("pong"), answer)).result).toMatchObject(expected);
  });

  test("that does not come within 30 s leaves open whether it was sent", async () => {
    const sending = host.send(host.reply("pong")).catch((error: unknown) => error);
    await peer.call();
    await host.clock.advance(30_000);
    expect(await sending).toMatchObject({ code: "CLAWDBOT_ERR_TIMEOUT", retryable: true });
  });

  test("that cannot come any more since the connection broke leaves it open at once", async () => {
    const sending = host.send(host.reply("pong")).catch((error: unknown) => error);
    await peer.call();
    peer.socket.terminate();
    expect(await sending).toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: true });
  });

  test("is not waited for once the delivery is given up", async () => {
    const ended = new AbortController();
    const sending = host.send(host.reply("pong"), ended.signal).catch((error: unknown) => error);
    await peer.call();
    ended.abort(new Error("stopping"));
    expect(await sending).toMatchObject({ message: "stopping" });
  });
});

test("without a connected peer nothing was sent, surely", async () => {
  await expect(host.send(host.reply("pong", { account: "10002" }))).rejects.toMatchObject({ name: "UnreachableError" });
  peer.socket.close();
  await peer.closed;
  await expect(host.send(host.reply("pong"))).rejects.toMatchObject({ name: "UnreachableError" });
});
