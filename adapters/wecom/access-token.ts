import { createHash } from "node:crypto";
import { type AdapterContext, errorText, type HttpClient, RateLimitError, UnreachableError } from "clawdbot";
import { type Answer, checkAnswer, parseAnswer } from "./answer.ts";
import type { WecomConfig } from "./config.ts";

const KEY = "access_token";
/** Refusals may not be repeated at will: some 2,000 an hour are said to get an address blocked. */
const REFUSAL_PAUSE_MS = 2000;
/** Between two tries to renew a token that still serves. */
const RENEWAL_PAUSE_MS = 30_000;

export interface AccessTokens {
  /** A token that should be valid. Costs no I/O but at the start and at expiry. Throws UnreachableError or RateLimitError. */
  get(): Promise<string>;
  /** The platform has refused this token: another one. */
  replace(refused: string): Promise<string>;
}

/** As it lies in the store, for the next start and for other nodes. Wall-clock times. */
interface StoredToken {
  /** Of which credentials; others make another token. */
  owner: string;
  token: string;
  refreshAt: number;
  expiresAt: number;
}

/** As it is used. Times of the monotonic clock. */
interface CurrentToken {
  token: string;
  refreshAt: number;
  expiresAt: number;
}

/**
 * Keeps one account's access token: whoever needs a new one shares one call, and it is renewed in the background before it
 * expires. https://developer.work.weixin.qq.com/document/path/91039
 */
export function createAccessTokens(config: WecomConfig, client: HttpClient, context: AdapterContext): AccessTokens {
  const { clock, kv, log } = context;
  const owner = createHash("sha256").update(`${config.api_base}\n${config.corp_id}\n${config.secret}`).digest("hex");
  const credentials = new URLSearchParams({ corpid: config.corp_id, corpsecret: config.secret });
  let current: CurrentToken | undefined;
  let renewing: Promise<string> | undefined;
  let refusal: { error: unknown; until: number } | undefined;

  function renew(refused?: string): Promise<string> {
    renewing ??= obtain(refused)
      .then((stored) => {
        const wall = clock.now();
        const monotonic = clock.monotonic();
        context.hide(stored.token);
        current = {
          token: stored.token,
          refreshAt: monotonic + stored.refreshAt - wall,
          expiresAt: monotonic + stored.expiresAt - wall,
        };
        return stored.token;
      })
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  }

  /** The stored token, when another start or node has left a good one, else a new one. */
  async function obtain(refused: string | undefined): Promise<StoredToken> {
    const stored = await load();
    if (stored?.owner === owner && stored.token !== refused && stored.refreshAt > clock.now()) return stored;
    if (refusal && clock.monotonic() < refusal.until) throw refusal.error;
    const fresh = await fetchToken();
    kv.set(KEY, fresh, { ttlMs: fresh.expiresAt - clock.now() }).catch((error: unknown) => {
      log.warn("access token not stored", { error: errorText(error) });
    });
    return fresh;
  }

  async function load(): Promise<StoredToken | undefined> {
    try {
      return (await kv.get(KEY))?.value as StoredToken | undefined;
    } catch (error) {
      log.warn("stored access token not read", { error: errorText(error) });
      return undefined;
    }
  }

  /** However it fails: what was to be sent with the token has surely not been sent. */
  async function fetchToken(): Promise<StoredToken> {
    let answer: Answer & { access_token: string; expires_in: number };
    try {
      answer = parseAnswer(await client.request("GET", `/cgi-bin/gettoken?${credentials}`));
    } catch (error) {
      throw new UnreachableError(`no access token: ${errorText(error)}`, error);
    }
    try {
      checkAnswer(answer);
    } catch (cause) {
      const error = cause instanceof RateLimitError ? cause : new UnreachableError(`no access token: ${errorText(cause)}`, cause);
      refusal = { error, until: clock.monotonic() + REFUSAL_PAUSE_MS };
      throw error;
    }
    if (typeof answer.access_token !== "string" || !(answer.expires_in > 0)) throw new UnreachableError("no access token in the answer");
    const life = answer.expires_in * 1000;
    const now = clock.now();
    // Nodes that share a store renew at different times, so that the first one does it for all.
    const refreshAt = now + life * (0.8 + context.random.number() * 0.1);
    return { owner, token: answer.access_token, refreshAt, expiresAt: now + life };
  }

  return {
    async get() {
      const now = clock.monotonic();
      if (!current || now >= current.expiresAt) return await renew();
      if (now >= current.refreshAt && !renewing) {
        const old = current;
        renew().catch((error: unknown) => {
          old.refreshAt = clock.monotonic() + RENEWAL_PAUSE_MS;
          log.warn("access token not renewed yet", { error: errorText(error) });
        });
      }
      return current.token;
    },
    async replace(refused) {
      return current && current.token !== refused ? current.token : await renew(refused);
    },
  };
}
