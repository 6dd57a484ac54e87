import { type Attempt, RejectedError, type Reply, type SendResult, UnreachableError } from "clawdbot";
import { checkResult } from "./answer.ts";
import { idOf } from "./ids.ts";
import { outgoing } from "./outgoing.ts";
import type { Peers } from "./peers.ts";
import { targetOf } from "./target.ts";

/**
 * Sends one reply through the peer at which its account is logged in. The protocol has no idempotency key: a reply that may have been sent
 * and is sent again shows twice.
 */
export function createSend(peers: Peers): (reply: Reply, attempt: Attempt) => Promise<SendResult> {
  return async (reply, { signal }) => {
    const message = outgoing(reply.segments);
    if (message.length === 0) throw new RejectedError("nothing in this reply can be sent");
    const account = peers.account(reply.account);
    if (!account?.api) throw new UnreachableError(`no peer of account ${reply.account} is connected`);
    const { action, params } = targetOf(reply.conversation);
    const result = await account.api.call(action, { ...params, message }, signal);
    checkResult(result);
    const platformId = idOf(result.data.message_id);
    if (platformId === undefined) return { detail: result.status };
    account.noteOwn(platformId);
    return { platformId };
  };
}
