import { secret, z } from "clawdbot";
import { INTENTS, type Intent } from "./intents.ts";

const intentNames = Object.keys(INTENTS) as [Intent, ...Intent[]];
const base = (url: string) =>
  z
    .url({ protocol: /^https?$/ })
    .transform((value) => value.replace(/\/+$/, ""))
    .default(url);

/** For how long after a message the platform takes replies to it, and how many. */
const replyWindow = (minutes: number, replies: number) =>
  z
    .strictObject({
      window: z
        .int()
        .min(1000)
        .max(86_400_000)
        .default(minutes * 60_000),
      replies: z.int().min(1).max(100).default(replies),
    })
    .prefault({});

/** The section `qq`: one bot of QQ's open platform. https://bot.q.qq.com/wiki/develop/api-v2/ */
export const qqConfig = z.strictObject({
  /** How events come in; the console offers one of the two. */
  mode: z.enum(["websocket", "webhook"]).default("websocket"),
  app_id: z
    .union([z.string(), z.int()])
    .transform(String)
    .refine((id) => /^\d{5,20}$/.test(id), {
      error: "must be the digits of AppID: see 开发设置 on q.qq.com",
      params: { zh: "必须是 AppID 的数字：见 q.qq.com 的开发设置" },
    }),
  /** AppSecret (clientSecret): for access tokens, and the key of webhook signatures. */
  secret: secret(),
  api_base: base("https://api.bot.qq.com"),
  token_base: base("https://api.bot.qq.com"),
  /** What is subscribed to in mode websocket. The platform refuses the connection when the bot has no right to one of them. */
  intents: z.array(z.enum(intentNames)).min(1).default(["GROUP_AND_C2C_EVENT", "INTERACTION"]),
  /** Whether a reply that comes too late for its message may be sent as a push, which has a quota and needs the user's permission. */
  active_push: z.boolean().default(false),
  /** The platform has changed these more than once. https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html */
  reply_windows: z
    .strictObject({
      direct: replyWindow(60, 4),
      group: replyWindow(5, 5),
      /** Channels of a guild, and direct messages in it. */
      guild: replyWindow(5, 100),
    })
    .prefault({}),
  /** ms by which a webhook's timestamp may differ from this machine's clock, either way. */
  freshness_window: z.int().min(1000).max(86_400_000).default(600_000),
});

export type QqConfig = z.output<typeof qqConfig>;
