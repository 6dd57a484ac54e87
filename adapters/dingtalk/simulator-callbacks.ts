import type { Clock } from "clawdbot";
import { sign } from "./sign.ts";
import { WINDOW_MS } from "./verify.ts";

/** What the platform posts. */
export interface Callback {
  headers: Record<string, string>;
  body: string;
}

/** The last three are signed rightly, by a peer that is broken or late. */
export const FORGERIES = ["unsigned", "signature", "other-secret", "stale", "future", "not-json", "no-message"] as const;

export type Forgery = (typeof FORGERIES)[number];

/** Signs callbacks as the platform does: https://open.dingtalk.com/document/development/robot-message-type */
export function createCallbacks(
  secret: string,
  clock: Clock,
): { signed(body: string): Callback; forged(kind: Forgery, body: string): Callback } {
  function signed(body: string, { timestamp = clock.now(), by = secret } = {}): Callback {
    const time = String(timestamp);
    return { headers: { "content-type": "application/json; charset=utf-8", timestamp: time, sign: sign(time, by) }, body };
  }

  return {
    signed: (body) => signed(body),
    forged(kind, body) {
      const honest = signed(body);
      switch (kind) {
        case "unsigned":
          return { ...honest, headers: { "content-type": "application/json" } };
        case "signature":
          return { ...honest, headers: { ...honest.headers, timestamp: String(clock.now() + 1) } };
        case "other-secret":
          return signed(body, { by: `not-${secret}` });
        case "stale":
          return signed(body, { timestamp: clock.now() - WINDOW_MS - 60_000 });
        case "future":
          return signed(body, { timestamp: clock.now() + WINDOW_MS + 60_000 });
        case "not-json":
          return signed(body.slice(0, -1));
        case "no-message":
          return signed('{"msgtype":"text"}');
      }
    },
  };
}
