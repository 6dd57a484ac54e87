import { type Clock, type Logger, type RouteRequest, VerifyError } from "clawdbot";
import type { WecomConfig } from "./config.ts";
import { createCallbackCrypto } from "./crypto.ts";
import { type Fields, scanXml } from "./scan-xml.ts";

const SKEW_REPORT_MS = 60_000;

/**
 * The only way from a request to its content. Both throw VerifyError for a request that the platform did not make for this account;
 * nothing is parsed before its signature is known to be right.
 */
export interface Verifier {
  /** The text with which the check of the callback URL (GET) is to be answered. */
  challenge(request: RouteRequest): string;
  /** The fields of a callback (POST). */
  callback(request: RouteRequest): Fields;
}

export function createVerifier(config: WecomConfig, on: { account: string; clock: Clock; log: Logger }): Verifier {
  const crypto = createCallbackCrypto({ token: config.token, encodingAesKey: config.encoding_aes_key, receiverId: config.corp_id });
  let silentUntil = 0;

  function checkSignature({ msg_signature, timestamp, nonce }: Parameters, encrypted: string): void {
    if (!msg_signature || !timestamp || !nonce) throw new VerifyError("unsigned");
    if (!crypto.isSigned(msg_signature, timestamp, nonce, encrypted)) throw new VerifyError("signature");
  }

  /** The platform promises no window, only that the timestamp is there against replay. Its own repeats come within seconds. */
  function checkFreshness(timestamp: string): void {
    const skewMs = on.clock.now() - Number(timestamp) * 1000;
    if (Math.abs(skewMs) <= config.freshness_window) return;
    reportSkew(Math.round(skewMs / 1000));
    throw new VerifyError("clock_skew");
  }

  function reportSkew(seconds: number): void {
    const now = on.clock.monotonic();
    // Whoever replays one old callback must not fill the log with it.
    if (now < silentUntil) return;
    silentUntil = now + SKEW_REPORT_MS;
    const skew = `${seconds > 0 ? "+" : ""}${seconds}s`;
    on.log.warn("signature rejected: too old or too new, check this machine's clock", { account: on.account, skew });
  }

  return {
    challenge({ query }) {
      const parameters = readParameters(query);
      // A proxy may have turned the "+" of base64 into a blank.
      const encrypted = parameters.echostr?.replaceAll(" ", "+");
      if (!encrypted) throw new VerifyError("no_echostr");
      checkSignature(parameters, encrypted);
      return crypto.decrypt(encrypted);
    },
    callback({ query, body }) {
      const parameters = readParameters(query);
      const encrypted = readEncrypted(body);
      checkSignature(parameters, encrypted);
      checkFreshness(parameters.timestamp!);
      const fields = scanXml(crypto.decrypt(encrypted));
      // Several apps of a corp may share the URL, the token and the key: another account of ours may be the one that is meant.
      if (fields.AgentID !== undefined && Number(fields.AgentID) !== config.agent_id) throw new VerifyError("agent");
      return fields;
    },
  };
}

interface Parameters {
  msg_signature?: string;
  timestamp?: string;
  nonce?: string;
  echostr?: string;
}

/** The four parameters that count, decoded once. One that is given twice could mean one thing here and another elsewhere: refused. */
function readParameters(query: string): Parameters {
  const found: Parameters = {};
  for (let at = 0; at < query.length; ) {
    const next = query.indexOf("&", at);
    const end = next < 0 ? query.length : next;
    const equals = query.indexOf("=", at);
    const name = query.slice(at, equals);
    if (equals >= 0 && equals < end && (name === "msg_signature" || name === "timestamp" || name === "nonce" || name === "echostr")) {
      if (found[name] !== undefined) throw new VerifyError("duplicate_parameter");
      found[name] = decodeValue(query.slice(equals + 1, end));
    }
    at = end + 1;
  }
  return found;
}

function decodeValue(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    throw new VerifyError("malformed_query");
  }
}

/** The text of the one Encrypt element. Its neighbours are not covered by the signature and are never looked at. */
function readEncrypted(body: Buffer): string {
  const envelope = body.toString("latin1");
  const tag = envelope.indexOf("<Encrypt>");
  if (tag < 0) throw new VerifyError("not_encrypted");
  const isCdata = envelope.startsWith("<![CDATA[", tag + 9);
  const from = tag + (isCdata ? 18 : 9);
  const to = envelope.indexOf(isCdata ? "]]></Encrypt>" : "</Encrypt>", from);
  if (to <= from || envelope.includes("<Encrypt>", to)) throw new VerifyError("malformed_envelope");
  return envelope.slice(from, to);
}
