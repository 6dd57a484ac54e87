import { createHash, timingSafeEqual } from "node:crypto";
import { type RouteRequest, VerifyError } from "clawdbot";
import type { Update } from "./types.ts";

/** Node has header names in lower case. */
const HEADER = "x-telegram-bot-api-secret-token";

/**
 * The only way from a posted request to its update. Throws VerifyError unless the request carries the account's secret, compared in
 * constant time whatever its length; nothing is parsed before that. https://core.telegram.org/bots/api#setwebhook
 */
export function createVerifier(secret: string): (request: RouteRequest) => Update {
  const expected = digest(secret);
  return ({ headers, body }) => {
    const given = headers[HEADER];
    if (typeof given !== "string") throw new VerifyError("unsigned");
    if (!timingSafeEqual(digest(given), expected)) throw new VerifyError("secret");
    return parseUpdate(body);
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function parseUpdate(body: Buffer): Update {
  let update: Update | null;
  try {
    update = JSON.parse(body.toString("utf8"));
  } catch {
    throw new VerifyError("malformed_json");
  }
  if (!Number.isSafeInteger(update?.update_id)) throw new VerifyError("malformed_update");
  return update!;
}
