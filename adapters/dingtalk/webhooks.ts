import { type HttpClient, RateLimitError } from "clawdbot";
import { checkOldAnswer } from "./answer.ts";
import type { Limits } from "./limits.ts";

/** More than this in a minute and the platform silences the robot for ten: https://open.dingtalk.com/document/robots/custom-robot-access */
export const PER_MINUTE = 20;
const MINUTE_MS = 60_000;

/**
 * Posts to an address that is its own proof: a group robot's, or a session's. `robot` is what the platform counts by; undefined where
 * it does not count. Throws as Adapter.send does.
 */
export async function postToWebhook(
  on: { client: HttpClient; limits: Limits },
  to: { path: string; robot: string | undefined },
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<void> {
  if (to.robot !== undefined) on.limits.use(to.robot, PER_MINUTE, MINUTE_MS);
  const headers = { "content-type": "application/json; charset=utf-8" };
  try {
    checkOldAnswer(await on.client.request("POST", to.path, { headers, body: JSON.stringify(body), signal }));
  } catch (error) {
    if (error instanceof RateLimitError && to.robot !== undefined) on.limits.block(to.robot, error.retryAfterMs);
    throw error;
  }
}
