import type { AdapterContext } from "clawdbot";
import type { BotApi, CallOptions } from "./bot-api.ts";
import type { Bot } from "./types.ts";

const KEY = "bot";

/** Who the bot is: the name by which groups call it. Kept in the store, so that a start needs no answer of Telegram's. */
export interface BotIdentity {
  /** Undefined until it was known once. */
  readonly bot: Bot | undefined;
  /** What the token alone tells: enough for direct chats. */
  readonly unnamed: Bot;
  load(): Promise<void>;
  /** Asks Telegram: https://core.telegram.org/bots/api#getme */
  refresh(options?: CallOptions): Promise<Bot>;
}

export function createBotIdentity(api: BotApi, { kv }: AdapterContext, token: string): BotIdentity {
  /** A token begins with its bot's id. */
  const unnamed: Bot = { id: token.slice(0, token.indexOf(":")) };
  let bot: Bot | undefined;
  return {
    unnamed,
    get bot() {
      return bot;
    },
    async load() {
      const known = (await kv.get(KEY))?.value as Bot | undefined;
      if (known && known.id === unnamed.id) bot = known;
    },
    async refresh(options) {
      const { username } = await api.call<Bot>("getMe", {}, options);
      const fresh: Bot = { ...unnamed, ...(username !== undefined && { username }) };
      if (fresh.username !== bot?.username || !bot) await kv.set(KEY, fresh);
      bot = fresh;
      return fresh;
    },
  };
}
