import type { AdapterContext, HttpResponse } from "clawdbot";
import type { AccessTokens } from "./access-token.ts";
import { isTokenRefused } from "./answer.ts";
import type { QqConfig } from "./config.ts";

export interface RestCall {
  body?: unknown;
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** The platform's API with the account's token. Resolves with any answer; see answer.ts for what it means. */
export interface Rest {
  call(method: "GET" | "POST" | "PUT", path: string, call?: RestCall): Promise<HttpResponse>;
}

export function createRest(config: QqConfig, tokens: AccessTokens, context: AdapterContext): Rest {
  const client = context.client(config.api_base);

  function request(
    token: string,
    method: "GET" | "POST" | "PUT",
    path: string,
    { body, signal, timeoutMs }: RestCall,
  ): Promise<HttpResponse> {
    const headers: Record<string, string> = { authorization: `QQBot ${token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    return client.request(method, path, {
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
  }

  return {
    /** A refused token is replaced once: the call had no effect. */
    async call(method, path, call = {}) {
      const token = await tokens.get();
      const response = await request(token, method, path, call);
      return isTokenRefused(response) ? await request(await tokens.replace(token), method, path, call) : response;
    },
  };
}
