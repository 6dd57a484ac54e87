import { createSecretKey, timingSafeEqual } from "node:crypto";
import { type Clock, type Logger, type RouteRequest, VerifyError } from "clawdbot";
import { sign } from "./sign.ts";

/** A callback is good for an hour either way: https://open.dingtalk.com/document/development/robot-message-type */
export const WINDOW_MS = 3_600_000;
const SKEW_REPORT_MS = 60_000;

/**
 * The only way from a request to its content: throws VerifyError for one that was not signed with this app's secret in the last hour.
 * The signature does not cover the body, so whoever can read a callback can write others: the address must be HTTPS.
 */
export function createVerifier(secret: string, on: { account: string; clock: Clock; log: Logger }): (request: RouteRequest) => unknown {
  const key = createSecretKey(Buffer.from(secret));
  let silentUntil = Number.NEGATIVE_INFINITY;

  function checkFreshness(timestamp: string): void {
    const skewMs = on.clock.now() - Number(timestamp);
    if (Math.abs(skewMs) <= WINDOW_MS) return;
    reportSkew(Math.round(skewMs / 1000));
    throw new VerifyError("clock_skew");
  }

  function reportSkew(seconds: number): void {
    const now = on.clock.monotonic();
    // Whoever replays one old callback must not fill the log with it.
    if (now < silentUntil) return;
    silentUntil = now + SKEW_REPORT_MS;
    const skew = `${seconds > 0 ? "+" : ""}${seconds}s`;
    on.log.warn("signature rejected: more than an hour too old or too new, check this machine's clock", { account: on.account, skew });
  }

  return ({ headers, body }) => {
    const { timestamp, sign: given } = headers;
    if (typeof timestamp !== "string" || typeof given !== "string") throw new VerifyError("unsigned");
    if (!/^\d{1,15}$/.test(timestamp)) throw new VerifyError("malformed_timestamp");
    if (!isSame(given, sign(timestamp, secret, key))) throw new VerifyError("signature");
    checkFreshness(timestamp);
    try {
      return JSON.parse(body.toString("utf8"));
    } catch {
      throw new VerifyError("malformed_message");
    }
  };
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
