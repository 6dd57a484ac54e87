import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSignature } from "../../../adapters/qq/signature.ts";
import { OverloadedError } from "../../../src/errors.ts";
import { type Pair, startPair } from "./host.ts";

let pair: Pair;
const key = createSignature("simulatedAppSecret");
const now = () => String(Math.floor(pair.clock.now() / 1000));

/** Posts a body with a signature and headers of the test's own. */
function post(body: string, headers: Record<string, string> = {}) {
  const timestamp = now();
  return pair.platform.webhook.post(body, {
    "x-signature-ed25519": key.sign(timestamp, body),
    "x-signature-timestamp": timestamp,
    ...headers,
  });
}

const direct = (content: string, id = "m1") => ({
  id: "C2C_MESSAGE_CREATE:1",
  op: 0,
  d: { id, author: { user_openid: "u1" }, content, timestamp: "2023-11-06T13:37:18+08:00" },
  s: 1,
  t: "C2C_MESSAGE_CREATE",
});

beforeEach(async () => {
  pair = await startPair({ section: { mode: "webhook" } });
});

afterEach(() => pair.stop());

describe("an event", () => {
  test("is answered with op 12 once it is on disk", async () => {
    let onDisk = false;
    pair.onReceive = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      onDisk = true;
    };
    const { status, body } = await post(JSON.stringify(direct("你好")));
    expect({ status, body: JSON.parse(body), onDisk }).toEqual({ status: 200, body: { op: 12, d: 0 }, onDisk: true });
    expect(pair.received).toMatchObject([{ platformId: "m1", text: "你好" }]);
  });

  test("that was not taken is not answered as taken", async () => {
    pair.onReceive = () => {
      throw new OverloadedError("full");
    };
    expect((await post(JSON.stringify(direct("hi")))).status).toBe(503);
    await pair.adapter.stop();
    pair.onReceive = () => {};
    expect((await post(JSON.stringify(direct("hi")))).status).toBe(503);
    expect(pair.received).toEqual([]);
  });

  test("is checked as it came, byte for byte: other blanks, another order, escapes", async () => {
    const body =
      '{ "t": "C2C_MESSAGE_CREATE",\n"d":{"content":"\\u4f60 ","timestamp":"2023-11-06T13:37:18+08:00","id":"m2","author":{"user_openid":"u1"}},"op":0}';
    expect((await post(body)).status).toBe(200);
    expect(pair.received).toMatchObject([{ platformId: "m2", text: "你" }]);
  });

  test.each([["not JSON"], ["null"], ['{"op":"0"}'], ['{"op":7}'], ['{"op":0,"s":"x"}']])(
    "of %s, though signed, is refused",
    async (body) => {
      expect((await post(body)).status).toBe(403);
    },
  );

  test("of a kind that nobody knows is taken, since it would not be better the next time", async () => {
    expect((await post('{"op":0,"t":"SOMETHING_NEW","d":{}}')).status).toBe(200);
    expect((await post('{"op":0,"t":"C2C_MESSAGE_CREATE","d":{"id":"m1"}}')).status).toBe(200);
    expect(pair.received).toEqual([]);
    expect(pair.logged.filter(({ message }) => message.startsWith("event left out"))).toHaveLength(1);
  });

  test.each([
    [-601, 403],
    [-599, 200],
    [599, 200],
    [601, 403],
  ])("signed %i seconds from now is answered with %i", async (offset, status) => {
    const timestamp = String(Number(now()) + offset);
    const body = JSON.stringify(direct("hi"));
    const signature = key.sign(timestamp, body);
    const answer = await post(body, { "x-signature-timestamp": timestamp, "x-signature-ed25519": signature });
    expect(answer.status).toBe(status);
  });

  test.each([["1e9"], [" 1725442341"], ["99999999999999999"], ["-1"]])(
    "with %j for a timestamp is refused, though signed",
    async (timestamp) => {
      const body = JSON.stringify(direct("hi"));
      const signature = key.sign(timestamp.trim(), body);
      expect((await post(body, { "x-signature-timestamp": timestamp, "x-signature-ed25519": signature })).status).toBe(403);
    },
  );
});

test("a heartbeat gets its answer", async () => {
  expect((await post('{"op":1,"d":42}')).body).toBe('{"op":11,"d":42}');
});

describe("the check of the callback URL", () => {
  test.each([[true], [false]])("signed: %s", async (signed) => {
    const { status, body } = await pair.platform.webhook.validate("Arq0D5A61EgUu4OxUvOp", { signed, timestamp: now() });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ plain_token: "Arq0D5A61EgUu4OxUvOp", signature: key.sign(now(), "Arq0D5A61EgUu4OxUvOp") });
  });

  test("signs nothing for a stranger that could pass for an event", async () => {
    for (const token of [JSON.stringify(direct("forged")), "{}", "", "a b", "a".repeat(65), "1725442341{", "令牌"]) {
      expect((await pair.platform.webhook.validate(token, { signed: false })).status).toBe(403);
    }
    for (const timestamp of ["1725442341{", "", "x"]) {
      expect((await pair.platform.webhook.validate("token", { signed: false, timestamp })).status).toBe(403);
    }
    expect(pair.refused).toEqual(Array.from({ length: 10 }, () => "validation"));
  });

  test("is refused to who names another bot or none, or signs wrongly", async () => {
    const body = JSON.stringify({ op: 13, d: { plain_token: "token", event_ts: now() } });
    expect((await pair.platform.webhook.post(body, {})).status).toBe(403);
    expect((await pair.platform.webhook.post(body, { "x-bot-appid": "99999999" })).status).toBe(403);
    expect((await pair.platform.webhook.forge("signature", body)).status).toBe(403);
    expect(pair.refused).toEqual(["unsigned", "app_id", "signature"]);
  });
});

test("nothing connects to the gateway in this mode", () => {
  expect(pair.platform.calls).toEqual({});
});
