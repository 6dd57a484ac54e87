import { ClawdbotError, type HttpClient } from "clawdbot";
import { apiError } from "./answer.ts";
import type { AppConfig } from "./config.ts";
import { ROBOT_TOPIC } from "./frames.ts";

const DEADLINE_MS = 10_000;

/**
 * Registers for one connection of Stream mode and resolves with its address. The ticket in it is good for one use within 90 s.
 * https://opensource.dingtalk.com/developerpedia/docs/learn/stream/protocol
 */
export async function requestStreamAddress(config: AppConfig, client: HttpClient, signal: AbortSignal): Promise<string> {
  const response = await client.request("POST", "/v1.0/gateway/connections/open", {
    // Without Accept the answer is XML.
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({
      clientId: config.client_id,
      clientSecret: config.client_secret,
      subscriptions: [{ type: "CALLBACK", topic: ROBOT_TOPIC }],
      ua: "clawdbot/1.0",
    }),
    timeoutMs: DEADLINE_MS,
    signal,
  });
  if (response.status !== 200) {
    const hint =
      response.status === 400 || response.status === 401
        ? ": check client_id and client_secret, that the app is published and that its robot uses Stream mode"
        : "";
    throw apiError(`DingTalk opened no stream${hint}`, response);
  }
  const url = addressIn(response.body.toString("utf8"));
  if (!url) throw new ClawdbotError("CLAWDBOT_ERR_PLATFORM", "DingTalk's answer names no stream: is api_base right?", { retryable: true });
  // What is sent on it must be no less protected than what asked for it.
  if (url.protocol !== "wss:" && !config.api_base.startsWith("http:")) {
    throw new ClawdbotError("CLAWDBOT_ERR_FORBIDDEN_ADDRESS", `will not stream from ${url.host} without TLS`, { retryable: true });
  }
  return url.href;
}

function addressIn(text: string): URL | undefined {
  try {
    const { endpoint, ticket } = JSON.parse(text) as { endpoint?: unknown; ticket?: unknown };
    if (typeof endpoint !== "string" || typeof ticket !== "string") return undefined;
    const url = URL.parse(endpoint);
    if (url?.protocol !== "wss:" && url?.protocol !== "ws:") return undefined;
    url.searchParams.set("ticket", ticket);
    return url;
  } catch {
    return undefined;
  }
}
