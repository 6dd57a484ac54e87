import { type Clock, type Logger, type RouteRequest, VerifyError } from "clawdbot";
import type { QqConfig } from "./config.ts";
import { type Frame, isObject, OP, parseFrame } from "./event.ts";
import { createSignature } from "./signature.ts";

const SKEW_REPORT_MS = 60_000;

/** Cannot be the body of an event: such a token may be signed for whoever asks. */
const HARMLESS_TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
const TIMESTAMP = /^\d{1,12}$/;

/** The only way from a request to its frame. Throws VerifyError for a request that the platform did not make for this account. */
export interface Verifier {
  /** signed: false only for a check of the callback URL. */
  frame(request: RouteRequest): { frame: Frame; signed: boolean };
  /** The answer to the check of the callback URL. Whoever has not signed gets no signature of anything that could be an event. */
  validate(frame: Frame, signed: boolean): { plain_token: string; signature: string };
}

/** https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/sign.html */
export function createVerifier(config: QqConfig, on: { account: string; clock: Clock; log: Logger }): Verifier {
  const key = createSignature(config.secret);
  let silentUntil = 0;

  /** The platform promises no window. Its own repeats come soon; what is older is somebody else's. */
  function checkFreshness(timestamp: string): void {
    const skewMs = on.clock.now() - Number(timestamp) * 1000;
    if (Math.abs(skewMs) <= config.freshness_window) return;
    const now = on.clock.monotonic();
    if (now >= silentUntil) {
      silentUntil = now + SKEW_REPORT_MS;
      const seconds = Math.round(skewMs / 1000);
      on.log.warn("signature rejected: too old or too new, check this machine's clock", {
        account: on.account,
        skew: `${seconds > 0 ? "+" : ""}${seconds}s`,
      });
    }
    throw new VerifyError("clock_skew");
  }

  return {
    frame({ headers, body }) {
      const appId = single(headers["x-bot-appid"]);
      const signature = single(headers["x-signature-ed25519"]);
      const timestamp = single(headers["x-signature-timestamp"]);
      if (appId !== undefined && appId !== config.app_id) throw new VerifyError("app_id");
      if (signature === undefined && timestamp === undefined) return { frame: unsigned(body, appId), signed: false };
      if (signature === undefined || timestamp === undefined || !TIMESTAMP.test(timestamp)) throw new VerifyError("unsigned");
      if (!key.isSigned(signature, timestamp, body)) throw new VerifyError("signature");
      checkFreshness(timestamp);
      return { frame: parseFrame(body.toString("utf8")), signed: true };
    },
    validate({ d }, signed) {
      const { plain_token: token, event_ts: timestamp } = isObject(d) ? d : {};
      if (typeof token !== "string" || typeof timestamp !== "string" || !TIMESTAMP.test(timestamp)) throw new VerifyError("validation");
      if (!signed && !HARMLESS_TOKEN.test(token)) throw new VerifyError("validation");
      return { plain_token: token, signature: key.sign(timestamp, token) };
    },
  };
}

/** Only the check of the callback URL may come without a signature: the platform's own example has none. */
function unsigned(body: Buffer, appId: string | undefined): Frame {
  if (appId === undefined) throw new VerifyError("unsigned");
  const frame = parseFrame(body.toString("utf8"));
  if (frame.op !== OP.validation) throw new VerifyError("unsigned");
  return frame;
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : undefined;
}
