import type { Conversation } from "clawdbot";
import { wireId } from "./ids.ts";

/** Users and groups are numbered alike, so one of them carries a prefix: a user and a group of one number are two conversations. */
const PRIVATE = "private:";

export function privateConversation(user: string): Conversation {
  return { id: PRIVATE + user, type: "direct" };
}

export interface Target {
  action: "send_private_msg" | "send_group_msg";
  params: { user_id: number | string } | { group_id: number | string };
}

/** Which call reaches a conversation. https://github.com/botuniverse/onebot-11/blob/master/api/public.md */
export function targetOf({ id, type }: Conversation): Target {
  if (type === "group") return { action: "send_group_msg", params: { group_id: wireId(id) } };
  return { action: "send_private_msg", params: { user_id: wireId(id.startsWith(PRIVATE) ? id.slice(PRIVATE.length) : id) } };
}
