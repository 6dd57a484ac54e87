import { secret, z } from "clawdbot";

/** How often the platform delivers one callback when no delivery is answered in time: once and three repeats. */
const DELIVERIES = 4;

/** The section `wechat_enterprise`: one self-built app of one corp. https://developer.work.weixin.qq.com/document/path/90238 */
export const wecomConfig = z
  .strictObject({
    corp_id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, "is no corp id: see 我的企业 > 企业信息 in the admin console")
      .refine((id) => !/x{4}/i.test(id), {
        error: "is a placeholder: put the real value here",
        params: { zh: "还是示例里的占位符：请填写真实的值" },
      }),
    /** The app's Secret, not the one of the address book. */
    secret: secret(),
    agent_id: z.union([z.int().nonnegative(), z.string().regex(/^\d{1,15}$/)]).transform(Number),
    /** Token of the app's callback (接收消息). */
    token: secret(),
    /** 43 characters of base64. Stray bits in the last one are usual, so it is never compared with its re-encoding. */
    encoding_aes_key: secret().refine((key) => /^[A-Za-z0-9+/]{43}$/.test(key), {
      error: "must be the 43 characters from the admin console",
      params: { zh: "必须是管理后台给出的 43 个字符" },
    }),
    /** ms after which the platform takes a callback for lost and sends it again. */
    retry_timeout: z.int().min(1000).max(60_000).default(5000),
    /** ms by which a callback's timestamp may differ from this machine's clock, either way. */
    freshness_window: z.int().min(1000).max(86_400_000).default(600_000),
    api_base: z.url({ protocol: /^https?$/ }).default("https://qyapi.weixin.qq.com"),
  })
  .refine((config) => config.freshness_window >= DELIVERIES * config.retry_timeout, {
    error: "must be at least four times retry_timeout, or the platform's own repeats are refused",
    path: ["freshness_window"],
    params: { zh: "至少要是 retry_timeout 的四倍，否则平台自己的重试会被拒绝" },
  });

export type WecomConfig = z.output<typeof wecomConfig>;
