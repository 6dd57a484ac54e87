import type { Clock } from "clawdbot";
import type { WecomConfig } from "./config.ts";
import { type CallbackCrypto, createCallbackCrypto } from "./crypto.ts";

interface Written {
  id: string;
  from: string;
  text: string;
}

/** What the platform posts. */
export interface Callback {
  /** Without "?". */
  query: string;
  body: string;
}

export interface Callbacks {
  /** A callback of the account; each one has its own nonce and signature, also for the same message. */
  message(message: Written): Callback;
  /** The same with the XML given. */
  xml(xml: string): Callback;
  forged(kind: Forgery, message: Written): Callback;
}

/**
 * The first six can come from anybody. The others are signed with the right token, as a broken or half-trusted peer would: the
 * body must still be refused.
 */
export const FORGERIES = [
  "unsigned",
  "signature",
  "other-key",
  "plaintext",
  "empty",
  "duplicate-parameter",
  "stale",
  "receiver",
  "agent",
  "truncated",
  "base64",
  "padding",
  "length",
  "doctype",
] as const;

export type Forgery = (typeof FORGERIES)[number];

/** Makes callbacks as the platform does: https://developer.work.weixin.qq.com/document/path/90238 */
export function createCallbacks(config: WecomConfig, clock: Clock): Callbacks {
  const keys = { token: config.token, encodingAesKey: config.encoding_aes_key, receiverId: config.corp_id };
  const ours = createCallbackCrypto(keys);
  const strangers = createCallbackCrypto({ ...keys, token: `not-${config.token}`, encodingAesKey: "A".repeat(43) });
  const otherCorps = createCallbackCrypto({ ...keys, receiverId: "ww0000000000000000" });
  let nonces = 100_000_000;

  const seconds = () => Math.floor(clock.now() / 1000);

  function inner(message: Written, agentId = config.agent_id): string {
    return (
      `<xml><ToUserName><![CDATA[${config.corp_id}]]></ToUserName><FromUserName><![CDATA[${message.from}]]></FromUserName>` +
      `<CreateTime>${seconds()}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content>${cdata(message.text)}</Content>` +
      `<MsgId>${message.id}</MsgId><AgentID>${agentId}</AgentID></xml>`
    );
  }

  function envelope(encrypted: string): string {
    return (
      `<xml><ToUserName><![CDATA[${config.corp_id}]]></ToUserName><AgentID><![CDATA[${config.agent_id}]]></AgentID>` +
      `<Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`
    );
  }

  function signed(encrypted: string, signer: CallbackCrypto = ours, timestamp = String(seconds())): Callback {
    const nonce = String(nonces++);
    const query = `msg_signature=${signer.sign(timestamp, nonce, encrypted)}&timestamp=${timestamp}&nonce=${nonce}`;
    return { query, body: envelope(encrypted) };
  }

  return {
    message: (message) => signed(ours.encrypt(inner(message))),
    xml: (xml) => signed(ours.encrypt(xml)),
    forged(kind, message) {
      const xml = inner(message);
      const encrypted = ours.encrypt(xml);
      const honest = signed(encrypted);
      switch (kind) {
        case "unsigned":
          return { ...honest, query: honest.query.replace(/^msg_signature=\w+&/, "") };
        case "signature":
          return {
            ...honest,
            query: honest.query.replace(/msg_signature=\w/, (start) => start.slice(0, -1) + (start.endsWith("0") ? "1" : "0")),
          };
        case "other-key":
          return signed(strangers.encrypt(xml), strangers);
        case "plaintext":
          return { ...honest, body: xml };
        case "empty":
          return { ...honest, body: envelope("") };
        case "duplicate-parameter":
          return { ...honest, query: `${honest.query}&timestamp=${seconds()}` };
        case "stale":
          return signed(encrypted, ours, String(seconds() - Math.ceil(config.freshness_window / 1000) - 60));
        case "receiver":
          return signed(otherCorps.encrypt(xml));
        case "agent":
          return signed(ours.encrypt(inner(message, config.agent_id + 1)));
        case "truncated":
          return signed(encrypted.slice(0, -8));
        case "base64":
          return signed(`*${encrypted.slice(1)}`);
        case "padding":
          return signed(withFlippedBit(encrypted, -17, 0x01));
        case "length":
          return signed(withFlippedBit(encrypted, 0, 0x80));
        case "doctype":
          return signed(ours.encrypt(`<!DOCTYPE xml [<!ENTITY e "e">]>${xml}`));
      }
    },
  };
}

/** In this cipher mode a changed bit of one block changes the same bit of the next block's plaintext. */
function withFlippedBit(encrypted: string, at: number, bit: number): string {
  const bytes = Buffer.from(encrypted, "base64");
  const index = at < 0 ? bytes.length + at : at;
  bytes[index]! ^= bit;
  return bytes.toString("base64");
}

function cdata(text: string): string {
  return `<![CDATA[${text.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`;
}
