import { type HttpClient, RateLimitError } from "clawdbot";
import type { AccessTokens } from "./access-token.ts";
import { checkApiAnswer, isTokenRefused } from "./answer.ts";
import type { Limits } from "./limits.ts";

/** The API that takes an access token. https://open.dingtalk.com/document/development/api-overview */
export interface RobotApi {
  /** Makes one call, or two when the first token was refused. Throws as Adapter.send does; the platform's pauses hold for all callers. */
  call(method: "POST" | "PUT", path: string, body: Record<string, unknown>, signal?: AbortSignal): Promise<Record<string, unknown>>;
}

export function createRobotApi(client: HttpClient, tokens: AccessTokens, limits: Limits): RobotApi {
  return {
    async call(method, path, body, signal) {
      const limit = `api:${path}`;
      limits.use(limit);
      const text = JSON.stringify(body);
      const request = (token: string) =>
        client.request(method, path, {
          headers: { "content-type": "application/json", "x-acs-dingtalk-access-token": token },
          body: text,
          ...(signal && { signal }),
        });
      const token = await tokens.get();
      let response = await request(token);
      if (isTokenRefused(response)) response = await request(await tokens.replace(token));
      try {
        return checkApiAnswer(response);
      } catch (error) {
        if (error instanceof RateLimitError) limits.block(limit, error.retryAfterMs);
        throw error;
      }
    },
  };
}
