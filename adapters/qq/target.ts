import type { Conversation } from "clawdbot";

/** Where a reply goes. Users and groups are conversations by their plain openid; what belongs to a guild carries a prefix. */
export type Target =
  | { scene: "direct"; path: string }
  | { scene: "group"; path: string }
  /** A channel of a guild, or direct messages in it: another API with other rules. */
  | { scene: "guild"; path: string };

export type Scene = Target["scene"];

const CHANNEL = "channel:";
const GUILD_DIRECT = "dm:";

export function channelConversation(channelId: string): Conversation {
  return { id: CHANNEL + channelId, type: "group" };
}

export function guildDirectConversation(guildId: string): Conversation {
  return { id: GUILD_DIRECT + guildId, type: "direct" };
}

/** https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html */
export function targetOf({ id, type }: Conversation): Target {
  if (id.startsWith(CHANNEL)) return { scene: "guild", path: `/channels/${encodeURIComponent(id.slice(CHANNEL.length))}` };
  if (id.startsWith(GUILD_DIRECT)) return { scene: "guild", path: `/dms/${encodeURIComponent(id.slice(GUILD_DIRECT.length))}` };
  if (type === "group") return { scene: "group", path: `/v2/groups/${encodeURIComponent(id)}` };
  return { scene: "direct", path: `/v2/users/${encodeURIComponent(id)}` };
}
