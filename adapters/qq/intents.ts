/** Groups of events and their bits: https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/event-emit/payload.html */
export const INTENTS = {
  GUILDS: 1 << 0,
  GUILD_MEMBERS: 1 << 1,
  GUILD_MESSAGES: 1 << 9,
  GUILD_MESSAGE_REACTIONS: 1 << 10,
  DIRECT_MESSAGE: 1 << 12,
  GROUP_MEMBER_EVENT: 1 << 24,
  GROUP_AND_C2C_EVENT: 1 << 25,
  INTERACTION: 1 << 26,
  MESSAGE_AUDIT: 1 << 27,
  PUBLIC_GUILD_MESSAGES: 1 << 30,
} as const;

export type Intent = keyof typeof INTENTS;

export function intentBits(names: readonly Intent[]): number {
  return names.reduce((bits, name) => bits | INTENTS[name], 0);
}
