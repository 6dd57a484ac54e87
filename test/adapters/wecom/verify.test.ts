import { describe, expect, test } from "vitest";
import { wecomConfig } from "../../../adapters/wecom/config.ts";
import { createCallbackCrypto } from "../../../adapters/wecom/crypto.ts";
import { createCallbacks } from "../../../adapters/wecom/simulator-callbacks.ts";
import { createVerifier } from "../../../adapters/wecom/verify.ts";
import type { RouteRequest } from "../../../src/adapter.ts";
import { VerifyError } from "../../../src/errors.ts";
import type { LogFields } from "../../../src/skill.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { message, official, urlCheck } from "./vectors.ts";

const MINUTE = 60_000;
const config = wecomConfig.parse({
  corp_id: official.receiverId,
  secret: "app-secret",
  agent_id: "218",
  token: official.token,
  encoding_aes_key: official.encodingAesKey,
});

function setup(start = Number(message.timestamp) * 1000) {
  const clock = fakeClock(start);
  const warned: LogFields[] = [];
  const quiet = () => {};
  const log = { debug: quiet, info: quiet, error: quiet, warn: (_message: string, fields: LogFields = {}) => void warned.push(fields) };
  return { clock, warned, verify: createVerifier(config, { account: "default", clock, log }), callbacks: createCallbacks(config, clock) };
}

const request = (query: string, body = ""): RouteRequest => ({
  method: "POST",
  path: "/clawdbot/wechat/callback",
  query,
  headers: {},
  body: Buffer.from(body),
  remoteAddress: "127.0.0.1",
});

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof VerifyError) return error.reason;
    throw error;
  }
  return "taken";
}

const officialQuery = `msg_signature=${message.signature}&timestamp=${message.timestamp}&nonce=${message.nonce}`;
const officialBody = `<xml><ToUserName><![CDATA[${official.receiverId}]]></ToUserName><Encrypt><![CDATA[${message.encrypted}]]></Encrypt></xml>`;

describe("the check of the callback URL", () => {
  const query = (echostr: string) =>
    `msg_signature=${urlCheck.signature}&timestamp=${urlCheck.timestamp}&nonce=${urlCheck.nonce}&echostr=${echostr}`;

  test.each([
    ["percent-encoded", encodeURIComponent(urlCheck.echostr)],
    ["as it is", urlCheck.echostr],
    ["with each plus turned into a blank", urlCheck.echostr.replaceAll("+", "%20")],
  ])("is answered with its plaintext when it comes %s, years later too", (_name, echostr) => {
    expect(setup(Date.parse("2026-01-01")).verify.challenge(request(query(echostr)))).toBe(urlCheck.plain);
  });

  test.each([
    ["without echostr", query("").replace("&echostr=", ""), "no_echostr"],
    ["with an empty one", query(""), "no_echostr"],
    ["with another one", query(urlCheck.echostr.replace("P", "Q")), "signature"],
    ["with two", `${query(urlCheck.echostr)}&echostr=x`, "duplicate_parameter"],
    ["encoded twice", query(encodeURIComponent(encodeURIComponent(urlCheck.echostr))), "signature"],
    ["without a signature", query(urlCheck.echostr).replace(/msg_signature=\w+/, ""), "unsigned"],
    ["with broken encoding", query("%E4%"), "malformed_query"],
  ])("is refused %s", (_name, wrong, reason) => {
    expect(reasonOf(() => setup().verify.challenge(request(wrong)))).toBe(reason);
  });
});

describe("a callback", () => {
  test("of the official sample is read", () => {
    expect(setup().verify.callback(request(officialQuery, officialBody))).toMatchObject({ MsgId: "4561255354251345929", Content: "hello" });
  });

  test("is taken with plain text in place of CDATA, and with parameters that mean nothing here", () => {
    const plain = officialBody.replace(/<Encrypt><!\[CDATA\[(.*)\]\]>/, "<Encrypt>$1");
    expect(plain).not.toContain(`CDATA[${message.encrypted.slice(0, 8)}`);
    expect(reasonOf(() => setup().verify.callback(request(`${officialQuery}&from=proxy&&x`, plain)))).toBe("taken");
  });

  test.each([
    ["timestamp", `${officialQuery}&timestamp=${message.timestamp}`, "duplicate_parameter"],
    ["nonce", `nonce=1&${officialQuery}`, "duplicate_parameter"],
    ["signature", `${officialQuery}&msg_signature=x`, "duplicate_parameter"],
    ["empty signature", `${officialQuery}&msg_signature=`, "duplicate_parameter"],
  ])("with a second %s is refused", (_name, query, reason) => {
    expect(reasonOf(() => setup().verify.callback(request(query, officialBody)))).toBe(reason);
  });

  test.each([
    ["without timestamp", officialQuery.replace(/&timestamp=\d+/, ""), officialBody, "unsigned"],
    ["without nonce", officialQuery.replace(/&nonce=\d+/, ""), officialBody, "unsigned"],
    ["without query", "", officialBody, "unsigned"],
    ["with another nonce", officialQuery.replace(message.nonce, "1"), officialBody, "signature"],
    ["with another timestamp", officialQuery.replace(message.timestamp, "1409659814"), officialBody, "signature"],
    ["without body", officialQuery, "", "not_encrypted"],
    ["in plaintext", officialQuery, message.plain, "not_encrypted"],
    ["with an empty Encrypt", officialQuery, "<xml><Encrypt></Encrypt></xml>", "malformed_envelope"],
    ["with an open Encrypt", officialQuery, officialBody.replace("]]></Encrypt>", ""), "malformed_envelope"],
    ["with two Encrypts", officialQuery, officialBody.replace("</xml>", "<Encrypt>x</Encrypt></xml>"), "malformed_envelope"],
    ["with a changed ciphertext", officialQuery, officialBody.replace("RypE", "RypF"), "signature"],
  ])("%s is refused", (_name, query, body, reason) => {
    expect(reasonOf(() => setup().verify.callback(request(query, body)))).toBe(reason);
  });

  test("that was signed but holds no XML is refused", () => {
    const { verify, callbacks } = setup();
    for (const inner of ["", "hello", '{"a":1}', "<xml>", `<!DOCTYPE x>${message.plain}`]) {
      const { query, body } = callbacks.xml(inner);
      expect(reasonOf(() => verify.callback(request(query, body)))).toBe("malformed_xml");
    }
  });

  test("for another app is refused, for none is taken", () => {
    const { verify, callbacks } = setup();
    const reason = (agent: string) => {
      const { query, body } = callbacks.xml(`<xml><FromUserName>u</FromUserName>${agent}</xml>`);
      return reasonOf(() => verify.callback(request(query, body)));
    };
    expect(reason("<AgentID>218</AgentID>")).toBe("taken");
    expect(reason("")).toBe("taken");
    for (const foreign of ["219", "", "218x", "<a>218</a>"]) expect(reason(`<AgentID>${foreign}</AgentID>`)).toBe("agent");
  });
});

describe("freshness", () => {
  test.each([
    [0, "taken"],
    [10 * MINUTE, "taken"],
    [-10 * MINUTE, "taken"],
    [10 * MINUTE + 1000, "clock_skew"],
    [-10 * MINUTE - 1000, "clock_skew"],
    [2 * 60 * MINUTE, "clock_skew"],
  ])("a callback is %i ms old: %s", (age, reason) => {
    const { clock, verify } = setup();
    clock.jump(age);
    expect(reasonOf(() => verify.callback(request(officialQuery, officialBody)))).toBe(reason);
  });

  test("the log names by how much the clocks differ and in which direction, once a minute", async () => {
    const { clock, verify, warned } = setup();
    clock.jump(1_843_000);
    for (let n = 0; n < 3; n++) reasonOf(() => verify.callback(request(officialQuery, officialBody)));
    await clock.advance(MINUTE);
    clock.jump(-MINUTE - 2 * 1_843_000);
    reasonOf(() => verify.callback(request(officialQuery, officialBody)));
    expect(warned).toEqual([
      { account: "default", skew: "+1843s" },
      { account: "default", skew: "-1843s" },
    ]);
  });

  test("nothing is said about clocks to who cannot sign, and a signed timestamp must be a number", () => {
    const { clock, verify, warned } = setup();
    clock.jump(1_843_000);
    expect(reasonOf(() => verify.callback(request(officialQuery.replace("477715", "477716"), officialBody)))).toBe("signature");
    expect(warned).toEqual([]);
    const crypto = createCallbackCrypto(official);
    const query = `msg_signature=${crypto.sign("soon", "1", message.encrypted)}&timestamp=soon&nonce=1`;
    expect(reasonOf(() => verify.callback(request(query, officialBody)))).toBe("clock_skew");
  });
});
