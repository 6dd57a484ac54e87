import { secret, z } from "clawdbot";

/** The section `telegram`: one bot. https://core.telegram.org/bots/api */
export const telegramConfig = z
  .strictObject({
    /** polling: the daemon asks for updates. webhook: Telegram posts them to /clawdbot/telegram/callback. */
    mode: z.enum(["polling", "webhook"]).default("polling"),
    /** As @BotFather gave it. It becomes part of URLs. */
    token: secret().refine((token) => /^\d{1,20}:[\w-]+$/.test(token), {
      error: "is no bot token: copy it from @BotFather, such as 123456:AAF…",
      params: { zh: "不是机器人令牌：请从 @BotFather 复制，形如 123456:AAF…" },
    }),
    /** secret_token of setWebhook. https://core.telegram.org/bots/api#setwebhook */
    webhook_secret: secret()
      .refine((text) => /^[\w-]{1,256}$/.test(text), {
        error: 'may hold letters, digits, "_" and "-" only, at most 256',
        params: { zh: "只能包含字母、数字、_ 和 -，最多 256 个字符" },
      })
      .optional(),
    /** What to do with a reply of which nobody knows whether it was sent: make it a dead letter, or send it again. */
    on_unknown: z.enum(["drop", "resend"]).default("drop"),
    api_base: z.url({ protocol: /^https?$/ }).default("https://api.telegram.org"),
  })
  .refine((config) => config.mode !== "webhook" || config.webhook_secret !== undefined, {
    error: "is needed in webhook mode: anybody could post updates without it",
    path: ["webhook_secret"],
    params: { zh: "webhook 模式必须设置，否则任何人都能伪造消息" },
  });

export type TelegramConfig = z.output<typeof telegramConfig>;
