import { type AdapterContext, type Attempt, RateLimitError, RejectedError, type Reply, type SendResult } from "clawdbot";
import { createAccessTokens } from "./access-token.ts";
import { type Answer, checkAnswer, isTokenRefused, parseAnswer } from "./answer.ts";
import type { WecomConfig } from "./config.ts";
import type { Part } from "./split.ts";

/** Seconds; what the platform allows at most. */
const MAX_DUPLICATE_WINDOW = 14_400;

interface SendAnswer extends Answer {
  msgid?: string;
  invaliduser?: string;
  unlicenseduser?: string;
}

/** Sends one reply with message/send: https://developer.work.weixin.qq.com/document/path/90236 */
export function createSend(config: WecomConfig, context: AdapterContext): (reply: Reply, attempt: Attempt) => Promise<SendResult> {
  const { clock } = context;
  const client = context.client(config.api_base);
  const tokens = createAccessTokens(config, client, context);
  let limitedUntil = 0;

  async function post(token: string, body: string, signal: AbortSignal): Promise<SendAnswer> {
    const path = `/cgi-bin/message/send?access_token=${encodeURIComponent(token)}`;
    return parseAnswer(await client.request("POST", path, { body, signal, headers: { "content-type": "application/json" } }));
  }

  async function send(reply: Reply, attempt: Attempt): Promise<SendResult> {
    // The limit is the corp's: while it lasts, calls for other conversations would only prolong it.
    const waitMs = limitedUntil - clock.monotonic();
    if (waitMs > 0) throw new RateLimitError(waitMs);
    const body = JSON.stringify(callBody(reply, attempt, config.agent_id, clock.now()));
    const token = await tokens.get();
    let answer = await post(token, body, attempt.signal);
    if (isTokenRefused(answer)) answer = await post(await tokens.replace(token), body, attempt.signal);
    checkAnswer(answer);
    checkRecipient(answer, reply.conversation.id);
    return answer.msgid ? { platformId: answer.msgid } : {};
  }

  return async (reply, attempt) => {
    try {
      return await send(reply, attempt);
    } catch (error) {
      if (error instanceof RateLimitError) limitedUntil = clock.monotonic() + error.retryAfterMs;
      throw error;
    }
  };
}

function callBody(reply: Reply, attempt: Attempt, agentId: number, now: number): Record<string, unknown> {
  // split() has left one part in each reply.
  const part = reply.segments[0] as Part | undefined;
  if (!part) throw new RejectedError("nothing in this reply can be sent");
  return {
    touser: reply.conversation.id,
    msgtype: part.type,
    agentid: agentId,
    [part.type]: contentOf(part),
    ...(attempt.maybeSent ? duplicateCheck(reply, now) : {}),
  };
}

function contentOf(part: Part): Record<string, string> {
  if (!("ref" in part)) return { content: part.text };
  return part.type === "video" && part.name ? { media_id: part.ref, title: part.name } : { media_id: part.ref };
}

/**
 * Has the platform drop the call when it has sent the same content to the same user before. Only for a reply that may have been sent
 * already, and looking back only to when it was made: an equal answer to an earlier question is no duplicate.
 */
function duplicateCheck(reply: Reply, now: number): Record<string, number> {
  const age = Math.ceil(Math.max(0, now - reply.createdAt) / 1000) + 1;
  return { enable_duplicate_check: 1, duplicate_check_interval: Math.min(age, MAX_DUPLICATE_WINDOW) };
}

/** The platform says "ok" also when it had to leave recipients out. Ids compare without regard to case. */
function checkRecipient({ invaliduser, unlicenseduser }: SendAnswer, user: string): void {
  const names = (list: string | undefined) => (list ?? "").toLowerCase().split("|");
  if (names(invaliduser).includes(user.toLowerCase()))
    throw new RejectedError("WeCom knows no such user, or the app is not visible to them", "invaliduser");
  if (names(unlicenseduser).includes(user.toLowerCase())) throw new RejectedError("the user has no licence for this app", "unlicenseduser");
}
