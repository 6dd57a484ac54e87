import { type Adapter, type AdapterContext, defineAdapter } from "clawdbot";
import { createBotApi } from "./bot-api.ts";
import { createBotIdentity } from "./bot-identity.ts";
import { type TelegramConfig, telegramConfig } from "./config.ts";
import { createFloodWaits } from "./flood-waits.ts";
import { createMigrations } from "./migrations.ts";
import { createPolling } from "./polling.ts";
import { createPreviews } from "./preview.ts";
import { createSend } from "./send.ts";
import { split } from "./split.ts";
import { createTake } from "./take.ts";
import { createWebhook } from "./webhook.ts";

/** A bot of Telegram: updates in by long polling or by webhook, replies out by the Bot API. */
function createTelegramAdapter(config: TelegramConfig, context: AdapterContext): Adapter {
  const api = createBotApi(config, context);
  const identity = createBotIdentity(api, context, config.token);
  const floods = createFloodWaits(context.clock);
  const migrations = createMigrations(context);
  const previews = createPreviews({ api, floods, migrations, context });
  const take = createTake({ api, migrations, context });
  const secret = config.mode === "webhook" ? config.webhook_secret : undefined;
  const inbound =
    secret === undefined ? createPolling({ api, identity, take, context }) : createWebhook({ api, identity, take, context, secret });
  let running = false;

  return {
    async start() {
      if (running) return;
      running = true;
      await Promise.all([identity.load(), migrations.load(), previews.load()]);
      await inbound.start();
    },
    async stop() {
      running = false;
      previews.stop();
      await inbound.stop();
    },
    split,
    send: createSend({ config, context, api, floods, migrations, previews }),
    delivered: (reply) => previews.done(reply),
    preview: (message, textSoFar) => previews.show(message, textSoFar),
  };
}

export default defineAdapter({
  name: "telegram",
  configKey: "telegram",
  language: "en",
  config: telegramConfig,
  create: createTelegramAdapter,
});
