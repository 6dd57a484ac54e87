import { type AdapterContext, ClawdbotError, errorText, type HttpClient, RateLimitError, UnreachableError } from "clawdbot";
import { checkApiAnswer } from "./answer.ts";
import type { AppConfig } from "./config.ts";

/** Renewed this long before it expires. */
const EARLY_MS = 300_000;
/** After a refusal, so that many waiting replies do not each ask again. */
const REFUSAL_PAUSE_MS = 2000;

export interface AccessTokens {
  /** A token that should be valid. Throws UnreachableError or RateLimitError: whatever needed the token was not sent. */
  get(): Promise<string>;
  /** The platform has refused this token: another one. */
  replace(refused: string): Promise<string>;
}

/**
 * One app's access token, good for both of the platform's hosts. Whoever needs a new one shares one call. It is not stored: while a token
 * is valid the platform answers with the same one. https://open.dingtalk.com/document/orgapp/obtain-the-access_token-of-an-internal-app
 */
export function createAccessTokens(config: AppConfig, client: HttpClient, on: Pick<AdapterContext, "clock" | "hide">): AccessTokens {
  const { clock } = on;
  let current: { token: string; until: number } | undefined;
  let asking: Promise<string> | undefined;
  let refusal: { error: Error; until: number } | undefined;

  function ask(): Promise<string> {
    asking ??= fetchToken().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  async function fetchToken(): Promise<string> {
    if (refusal && clock.monotonic() < refusal.until) throw refusal.error;
    try {
      const response = await client.request("POST", "/v1.0/oauth2/accessToken", {
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ appKey: config.client_id, appSecret: config.client_secret }),
      });
      const { accessToken, expireIn } = checkApiAnswer(response);
      if (typeof accessToken !== "string" || typeof expireIn !== "number") {
        throw new ClawdbotError("CLAWDBOT_ERR_PLATFORM", "the answer holds none");
      }
      on.hide(accessToken);
      current = { token: accessToken, until: clock.monotonic() + Math.max(0, expireIn * 1000 - EARLY_MS) };
      return accessToken;
    } catch (cause) {
      const limited = cause instanceof RateLimitError;
      const error = limited
        ? cause
        : new UnreachableError(`no access token: ${errorText(cause)}; check client_id and client_secret`, cause);
      refusal = { error, until: clock.monotonic() + REFUSAL_PAUSE_MS };
      throw error;
    }
  }

  return {
    get: async () => (current && clock.monotonic() < current.until ? current.token : await ask()),
    replace: async (refused) => (current && current.token !== refused ? current.token : await ask()),
  };
}
