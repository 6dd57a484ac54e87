import { type AdapterContext, ClawdbotError, errorCode, errorText } from "clawdbot";
import type { BotApi } from "./bot-api.ts";
import type { Migrations } from "./migrations.ts";
import { normalise } from "./normalise.ts";
import type { Bot, Update } from "./types.ts";

/**
 * Takes one update into the daemon. Resolves when it is on disk, or when it is one that nobody will ever be able to take; only then may
 * Telegram be told. Rejects when Telegram must deliver it again.
 */
export type Take = (update: Update, bot: Bot) => Promise<void>;

export function createTake(on: { api: BotApi; migrations: Migrations; context: AdapterContext }): Take {
  const { api, migrations, context } = on;

  /** One strange update must not hold up all that come after it. */
  function read(update: Update, bot: Bot) {
    try {
      return normalise(update, context.account, bot, context.clock.now());
    } catch (error) {
      context.log.error("update not understood", { account: context.account, update: update.update_id, error: errorText(error) });
      return undefined;
    }
  }

  async function receive(update: Update, bot: Bot): Promise<void> {
    const message = read(update, bot);
    if (!message) return;
    try {
      await context.receive(message);
    } catch (error) {
      if (!(error instanceof ClawdbotError) || error.retryable) throw error;
      context.log.error("update can never be taken", { account: context.account, update: update.update_id, code: errorCode(error) });
    }
  }

  /** Ends the button's waiting; for the user's eyes only. https://core.telegram.org/bots/api#answercallbackquery */
  function answerButton(id: string): void {
    api.call("answerCallbackQuery", { callback_query_id: id }).catch((error: unknown) => {
      context.log.debug("button not answered", { account: context.account, error: errorText(error) });
    });
  }

  return async (update, bot) => {
    const { chat, migrate_to_chat_id, migrate_from_chat_id } = update.message ?? {};
    if (chat && migrate_to_chat_id !== undefined) await migrations.note(String(chat.id), String(migrate_to_chat_id));
    if (chat && migrate_from_chat_id !== undefined) await migrations.note(String(migrate_from_chat_id), String(chat.id));
    await receive(update, bot);
    if (update.callback_query) answerButton(update.callback_query.id);
  };
}
