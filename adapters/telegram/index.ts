import { type Adapter, type AdapterContext, defineAdapter, type Localised } from "clawdbot";
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
      await Promise.all([identity.load(), migrations.load(), previews.load()]);
      running = true;
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

/** What cannot work with several bots: each update belongs to one of them. */
function check(accounts: ReadonlyMap<string, TelegramConfig>): Localised | undefined {
  const all = [...accounts.values()];
  const isTwice = (values: (string | undefined)[]) => new Set(values).size < values.length;
  if (isTwice(all.map(({ token }) => token))) {
    return {
      en: "two accounts have the same token, and Telegram serves one of them",
      zh: "两个账号用了同一个 token，而 Telegram 只会服务其中一个",
    };
  }
  if (isTwice(all.filter(({ mode }) => mode === "webhook").map(({ webhook_secret }) => webhook_secret))) {
    return {
      en: "each account needs a webhook_secret of its own: it tells whose update it is",
      zh: "每个账号的 webhook_secret 必须不同：靠它区分消息属于哪个机器人",
    };
  }
  return undefined;
}

export default defineAdapter({
  name: "telegram",
  configKey: "telegram",
  language: "en",
  config: telegramConfig,
  check,
  create: createTelegramAdapter,
});
