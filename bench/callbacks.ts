import { createCipheriv, hash, randomBytes } from "node:crypto";

/** The account that both servers of the bench are configured for. */
export const account = {
  corp_id: "ww1234567890abcdef",
  secret: "bench-secret-0123456789",
  agent_id: 1000002,
  token: "QDG6eKbenchTOKEN",
  encoding_aes_key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
};
const callbackPath = "/clawdbot/wechat/callback";

const key = Buffer.from(`${account.encoding_aes_key}=`, "base64");

/**
 * Signed and encrypted WeCom text callbacks as whole HTTP requests, so that making them costs the generator nothing while it
 * measures. Number i comes from one of 5,000 users and says "/echo ORD-<i>".
 */
export function prebuiltCallbacks(count: number): Buffer[] {
  const timestamp = String(Math.floor(Date.now() / 1000));
  return Array.from({ length: count }, (_, i) => {
    const encrypted = encrypt(innerXml(i, timestamp));
    const nonce = String(100_000_000 + i);
    const signature = hash("sha1", [account.token, timestamp, nonce, encrypted].sort().join(""));
    const body =
      `<xml><ToUserName><![CDATA[${account.corp_id}]]></ToUserName><AgentID><![CDATA[${account.agent_id}]]></AgentID>` +
      `<Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`;
    return Buffer.from(
      `POST ${callbackPath}?msg_signature=${signature}&timestamp=${timestamp}&nonce=${nonce} HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
        `User-Agent: Mozilla/4.0\r\nAccept: */*\r\nContent-Type: text/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}

function innerXml(i: number, timestamp: string): string {
  const text = `/echo ORD-${String(i).padStart(8, "0")} 的状态,谢谢`;
  return (
    `<xml><ToUserName><![CDATA[${account.corp_id}]]></ToUserName><FromUserName><![CDATA[user${i % 5000}]]></FromUserName>` +
    `<CreateTime>${timestamp}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${text}]]></Content>` +
    `<MsgId>${7_000_000_000_000_000n + BigInt(i)}</MsgId><AgentID>${account.agent_id}</AgentID></xml>`
  );
}

function encrypt(xml: string): string {
  const message = Buffer.from(xml);
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(message.length);
  const plain = Buffer.concat([randomBytes(16), length, message, Buffer.from(account.corp_id)]);
  const pad = 32 - (plain.length % 32);
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(Buffer.concat([plain, Buffer.alloc(pad, pad)])), cipher.final()]).toString("base64");
}
