import { type AdapterContext, errorText, type HttpClient, RateLimitError, UnreachableError } from "clawdbot";
import { parseBody } from "./answer.ts";
import type { QqConfig } from "./config.ts";

/** Between two calls after a refusal, and between two tries to renew a token that still serves. */
const PAUSE_MS = 2000;
const RENEWAL_PAUSE_MS = 20_000;
const MOST_AHEAD_MS = 300_000;

const ADVICE = new Map([
  [100007, "check app_id"],
  [100016, "check app_id and secret"],
  [10004, "there is no such bot: check app_id"],
]);

export interface AccessTokens {
  /** A token that should be valid. Throws UnreachableError or RateLimitError. */
  get(): Promise<string>;
  /** The platform has refused this token: another one. */
  replace(refused: string): Promise<string>;
}

/** Times of the monotonic clock. */
interface CurrentToken {
  token: string;
  refreshAt: number;
  expiresAt: number;
}

/**
 * Keeps one account's access token: whoever needs a new one shares one call, and it is renewed before it expires. Not stored: the
 * platform gives everybody who asks the same token until its last minute.
 * https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/api-use.html
 */
export function createAccessTokens(config: QqConfig, context: AdapterContext): AccessTokens {
  const { clock } = context;
  const client: HttpClient = context.client(config.token_base);
  const credentials = JSON.stringify({ appId: config.app_id, clientSecret: config.secret });
  let current: CurrentToken | undefined;
  let renewing: Promise<string> | undefined;
  let refusal: { error: Error; until: number } | undefined;

  function renew(refused?: string): Promise<string> {
    renewing ??= obtain(refused).finally(() => {
      renewing = undefined;
    });
    return renewing;
  }

  async function obtain(refused: string | undefined): Promise<string> {
    if (refusal && clock.monotonic() < refusal.until) throw refusal.error;
    try {
      const fresh = await fetchToken();
      if (fresh.token === refused)
        throw new UnreachableError("no access token: the platform offers the one again that it has just refused");
      refusal = undefined;
      current = fresh;
      return fresh.token;
    } catch (cause) {
      const error = cause instanceof RateLimitError || cause instanceof UnreachableError ? cause : notHad(errorText(cause), cause);
      refusal = { error, until: clock.monotonic() + PAUSE_MS };
      throw error;
    }
  }

  async function fetchToken(): Promise<CurrentToken> {
    const headers = { "content-type": "application/json" };
    const response = await client.request("POST", "/app/getAppAccessToken", { headers, body: credentials }).catch((error: unknown) => {
      throw notHad(errorText(error), error);
    });
    const body = parseBody(response);
    const { access_token: token, expires_in, code } = body;
    // The platform refuses with HTTP 200 too.
    if (typeof token !== "string" || token === "") throw refusalOf(code);
    const life = Number(expires_in) * 1000;
    if (!(life > 0)) throw notHad("the answer does not say how long it lasts");
    context.hide(token);
    const now = clock.monotonic();
    return { token, refreshAt: now + life - Math.min(MOST_AHEAD_MS, life / 3), expiresAt: now + life };
  }

  return {
    async get() {
      const now = clock.monotonic();
      if (!current || now >= current.expiresAt) return await renew();
      if (now >= current.refreshAt && !renewing) {
        const old = current;
        renew().catch((error: unknown) => {
          old.refreshAt = clock.monotonic() + RENEWAL_PAUSE_MS;
          context.log.warn("access token not renewed yet", { account: context.account, error: errorText(error) });
        });
      }
      return current.token;
    },
    async replace(refused) {
      return current && current.token !== refused ? current.token : await renew(refused);
    },
  };
}

function refusalOf(code: unknown): Error {
  if (code === 100001) return new RateLimitError(10_000, "no access token: asked for too often (100001)");
  const advice = ADVICE.get(Number(code));
  return notHad(`refused with ${String(code)}${advice ? `: ${advice}` : ""}`);
}

/** However it fails: what was to be sent with the token has surely not been sent. */
function notHad(why: string, cause?: unknown): UnreachableError {
  return new UnreachableError(`no access token: ${why}`, cause);
}
