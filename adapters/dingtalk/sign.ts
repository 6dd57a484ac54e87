import { createHmac, type KeyObject } from "node:crypto";

/**
 * DingTalk's signature: the secret signs the time and itself, nothing of a body. As it stands in the header of a callback.
 * https://open.dingtalk.com/document/robots/customize-robot-security-settings
 */
export function sign(timestamp: string, secret: string, key: string | KeyObject = secret): string {
  return createHmac("sha256", key).update(`${timestamp}\n${secret}`).digest("base64");
}

/** What a call of a group robot carries in its query: the time in ms and the signature, URL-encoded. */
export function generateSign(secret: string, now: number): { timestamp: string; sign: string } {
  const timestamp = String(Math.round(now));
  return { timestamp, sign: encodeURIComponent(sign(timestamp, secret)) };
}
